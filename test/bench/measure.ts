import { readFileSync } from 'node:fs';

/** Small tools of the benchmarks. Times are microseconds. */

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Resident memory of a process, as Linux has it. */
export function residentMiB(pid: number | undefined): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** What the main thread of a process has computed, in milliseconds, as Linux has it. */
export function processorMilliseconds(pid: number | undefined): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

/** Wall time of one call. */
export function wallTime(work: () => unknown): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1000;
}

/**
 * Computing time of one call: the processor time of this thread, so that a busy machine does not count. Median over
 * `rounds` rounds of `calls` calls each; that clock may tick in whole
 * scheduler slices (4 to 10 ms), so a round should take several of them.
 */
export function computingTime(work: () => unknown, rounds: number, calls: number): number {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = process.threadCpuUsage();
    for (let call = 0; call < calls; call += 1) work();
    const { user, system } = process.threadCpuUsage(start);
    times.push((user + system) / calls);
  }
  return median(times);
}

export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** null: shown for comparison only. */
  readonly limit: number | null;
}

/** One line a figure, each with its ratio to the limit; the exit code says whether all are within. */
export function report(figures: readonly Figure[]): void {
  for (const { what, value, unit, limit } of figures) {
    const shown = `${value.toFixed(1)} ${unit}`.padStart(14);
    const ratio = limit === null ? '' : `  ${(value / limit).toFixed(2)} of the limit of ${limit} ${unit}`;
    process.stdout.write(`${what.padEnd(64)} ${shown}${ratio}\n`);
    if (limit !== null && value > limit) process.exitCode = 1;
  }
}
