import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { DEFAULT_SETTINGS } from '../../src/intent/settings.ts';
import { engineProfile, SIZED_ENGINES } from '../../src/sizing/engines/registry.ts';
import { estimate } from '../../src/sizing/estimate.ts';
import { judgeFit } from '../../src/sizing/fit.ts';
import { kvDtype } from '../../src/sizing/kv-dtype.ts';
import { checkParallel } from '../../src/sizing/parallelism.ts';
import type { SizingRequest } from '../../src/sizing/request.ts';
import type { DeviceShape } from '../../src/sizing/shapes.ts';
import { tokens } from '../../src/units.ts';
import { computingTime, median, report, wallTime } from './measure.ts';

/**
 * One size (bill, fit, largest context, concurrency) of every combination of checkpoint, GPU, engine and parallel
 * layout of the catalog. All are timed once, the slowest again and again: a single slow reading is the machine.
 */

const LIMIT = 50;
const LAYOUTS: readonly (readonly [number, number])[] = [
  [1, 1],
  [2, 1],
  [4, 1],
  [8, 1],
  [8, 2],
  [4, 4],
  [1, 16],
];
const RETIMED = 60;

interface Case {
  readonly name: string;
  readonly request: SizingRequest;
  readonly device: DeviceShape;
}

function* cases(): Generator<Case> {
  const devices = builtinCatalog.gpus.flatMap((gpu) => (gpu.device === null ? [] : [gpu.device]));
  for (const model of builtinCatalog.models) {
    if (model.shape === null) continue;
    for (const checkpoint of model.checkpoints) {
      for (const name of SIZED_ENGINES) {
        const engine = engineProfile(name, null);
        const dtype = engine === null ? null : kvDtype(engine, 'auto');
        if (engine === null || dtype === null) continue;
        for (const [tensor, pipeline] of LAYOUTS) {
          const parallel = { tensor, pipeline, data: 1, isExpertParallel: false };
          if (checkParallel(model.shape, engine, parallel).length > 0) continue;
          const request: SizingRequest = {
            ...DEFAULT_SETTINGS,
            model: model.shape,
            weights: checkpoint.weights,
            maxPositions: checkpoint.maxContext,
            loadedFrom: null,
            engine,
            context: tokens(131_072),
            concurrency: 4,
            kvDtype: dtype,
            parallel,
          };
          for (const device of devices) {
            yield {
              name: `${checkpoint.id} ${name} TP${tensor}xPP${pipeline} ${device.product}`,
              request,
              device,
            };
          }
        }
      }
    }
  }
}

let tokensSeen = 0;

/**
 * A bill with its fit and its largest context, which is worked out only when it is read. A fresh request of weights that
 * were never seen: nothing is remembered from an earlier call, as it is for another context of the same checkpoint.
 */
function size({ request, device }: Case): void {
  const fresh = { ...request, weights: { ...request.weights } };
  tokensSeen += judgeFit(fresh, estimate(fresh, device), device).maxContext() ?? 0;
}

const all = [...cases()];
for (const one of all.filter((_, index) => index % 7 === 0)) size(one);
const timed = all.map((one) => ({
  one,
  time: Math.min(
    wallTime(() => size(one)),
    wallTime(() => size(one)),
  ),
}));

/** The slowest of those that seemed slowest, timed again and again. */
function slowest(isMeant: (one: Case) => boolean): { readonly one: Case; readonly time: number } {
  const seeming = timed
    .filter(({ one }) => isMeant(one))
    .toSorted((left, right) => right.time - left.time)
    .slice(0, RETIMED)
    .map(({ one }) => ({ one, time: computingTime(() => size(one), 3, 1500) }));
  return seeming.reduce((most, next) => (next.time > most.time ? next : most));
}

const onNode = slowest(({ request }) => request.parallel.pipeline === 1);
const staged = slowest(({ request }) => request.parallel.pipeline > 1);
if (tokensSeen === 0) throw new Error('nothing fits anywhere');
process.stdout.write(`${all.length} combinations; slowest: ${onNode.one.name}, ${staged.one.name}\n`);
report([
  { what: 'median size', value: median(timed.map(({ time }) => time)), unit: 'us', limit: LIMIT },
  { what: 'slowest on one node (tensor parallel)', value: onNode.time, unit: 'us', limit: LIMIT },
  { what: 'slowest over pipeline stages', value: staged.time, unit: 'us', limit: LIMIT },
]);
