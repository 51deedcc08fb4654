import * as z from 'zod';
import { CatalogRows } from '../catalog/schema.ts';
import { configSchema } from './schema.ts';

/**
 * JSON Schema of the file as its author writes it: every key is optional. The chart wants draft-07, which every
 * Helm 3 and 4 reads.
 */
export function configJsonSchema(
  target: 'draft-2020-12' | 'draft-07' = 'draft-2020-12',
): Readonly<Record<string, unknown>> {
  const catalog = CatalogRows.nullable().default(null).describe('additions to the built-in catalog');
  const documented = configSchema.extend({ catalog });
  return { title: 'vramgate configuration', ...z.toJSONSchema(documented, { io: 'input', target }) };
}
