import * as z from 'zod';
import { CatalogRows } from '../catalog/schema.ts';
import { configSchema } from './schema.ts';

/** As src/inventory/declared.ts reads it. */
const shapeSchema = z.strictObject({
  product: z.string().describe('a GPU of the catalog, by any of its names'),
  gpus: z.int().min(1).describe('per node'),
  nodes: z.int().min(0).default(0).describe('how many there are; 0: none yet'),
  name: z.string().min(1).optional(),
  resource: z.string().optional().describe("the extended resource; the product's own where it is left out"),
  memory: z
    .union([z.number(), z.string()])
    .optional()
    .describe('per GPU, a quantity or GiB, over the catalog’s'),
  labels: z.record(z.string(), z.string()).default({}),
  taints: z
    .array(
      z.strictObject({
        key: z.string(),
        value: z.string().default(''),
        effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
      }),
    )
    .default([]),
});

/**
 * JSON Schema of the file as its author writes it: every key is optional. The chart wants draft-07, which every
 * Helm 3 and 4 reads.
 */
export function configJsonSchema(
  target: 'draft-2020-12' | 'draft-07' = 'draft-2020-12',
): Readonly<Record<string, unknown>> {
  const catalog = CatalogRows.nullable().default(null).describe('additions to the built-in catalog');
  const shapes = z.array(shapeSchema).nullable().default(null).describe('nodes that pools may still bring');
  const documented = configSchema.extend({ catalog, shapes });
  return { title: 'vramgate configuration', ...z.toJSONSchema(documented, { io: 'input', target }) };
}
