import { setFlagsFromString } from 'node:v8';

/**
 * What V8 reads anew at every collection, so that `vramgate serve` is as small under any Node that runs it as in the image.
 * Its effect is measured by test/bench/serve.bench.ts, with 5,000 nodes. A V8 that no longer knows a flag says so on stderr and goes on.
 */
const HEAP = [
  // V8 lets the heap grow to several times of what is alive before it collects: reading the nodes of a large cluster would
  // leave 50 MiB of garbage resident for good. 20 percent takes no more time that could be measured.
  '--heap-growing-percent=20',
  // Reviews leave little behind, but those in flight when it collects count as survivors, and the young generation then
  // doubles, up to three times 16 MiB and more on a large machine. `--max-semi-space-size` is read at the start of Node only; a
  // factor of 1 keeps the size that it has now, 1 or 2 MiB. 50 MiB less are resident, and a review takes a tenth more computing.
  '--semi-space-growth-factor=1',
];

export function keepHeapSmall(): void {
  for (const flag of HEAP) setFlagsFromString(flag);
}
