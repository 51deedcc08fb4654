import { spawnSync } from 'node:child_process';
import { median, report, wallTime } from './measure.ts';

/**
 * A whole `vramgate size`, from process start to exit, against a bare `node -e 0`: in turn, so that the machine's
 * moods hit both. Limit of issue 4: at most 1.5 times the bare process plus 60 ms.
 */

const PAIRS = 21;
const CLI = 'dist/vramgate.mjs';
const ARGUMENTS = [
  'size',
  '--model',
  'scout',
  '--context',
  '128K',
  '--quantization',
  'fp8',
  '--gpu',
  'H100',
  '--gpus',
  '4',
];

function milliseconds(argv: readonly string[]): number {
  return (
    wallTime(() => {
      const { status } = spawnSync(process.execPath, argv, { stdio: 'ignore', timeout: 30_000 });
      if (status !== 0) throw new Error(`${argv.join(' ')} exited with ${status}`);
    }) / 1000
  );
}

const bare: number[] = [];
const sized: number[] = [];
for (let pair = 0; pair <= PAIRS; pair += 1) {
  const one = milliseconds(['-e', '0']);
  const other = milliseconds([CLI, ...ARGUMENTS]);
  // The first pair warms the file cache.
  if (pair > 0) {
    bare.push(one);
    sized.push(other);
  }
}
report([
  { what: `node -e 0, median of ${PAIRS}`, value: median(bare), unit: 'ms', limit: null },
  {
    what: `vramgate size, median of ${PAIRS}`,
    value: median(sized),
    unit: 'ms',
    limit: Math.round(1.5 * median(bare) + 60),
  },
]);
