import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { builtinCatalog } from '../../../src/catalog/builtin.ts';
import { createSnapshots, type InventoryOf } from '../../../src/commands/serve/snapshots.ts';
import { warmUp, warmUpFurther } from '../../../src/commands/serve/warm-up.ts';
import { defaultPolicy } from '../../../src/config/policy.ts';
import { readInventory } from '../../../src/inventory/read.ts';
import { createLog } from '../../../src/observe/logger.ts';
import { createLifecycle } from '../../../src/server/lifecycle.ts';

const RULES = { policy: defaultPolicy(), catalog: builtinCatalog, shapes: [] };
const NODES: unknown = parse(
  readFileSync(new URL('../../fixtures/nodes/dgx-h100.yaml', import.meta.url), 'utf8'),
);

it.each<[string, InventoryOf]>([
  ['no inventory', () => ({ state: 'unknown', reason: 'test' })],
  ['two DGX', ({ catalog }) => readInventory([NODES], catalog).inventory],
])(
  'the warm-up before and after ready decides without a fault, and records nothing: %s',
  async (_, inventory) => {
    const written: string[] = [];
    const log = createLog({ level: 'debug', sink: { write: (text) => written.push(text) } });
    const lifecycle = createLifecycle();
    const running = { log, lifecycle, snapshots: createSnapshots(RULES, inventory) };
    warmUp(running);
    lifecycle.enter('ready');
    await warmUpFurther(running);

    expect(written).toEqual([]);
  },
);
