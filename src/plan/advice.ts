import { type Finding, finding } from '../findings.ts';
import { engineProfile } from '../sizing/engines/registry.ts';
import { formatGib } from '../units.ts';
import { parseQuantity } from '../workload/quantity.ts';
import { hasSharedMemory } from './shared-memory.ts';
import type { Judged } from './types.ts';
import { type PlannedContainer, type PlannedSpec, podsOf, type Unit } from './unit.ts';

/** What would make the pod die or crawl although its GPUs suffice. Warnings only. */
export function adviseOn(unit: Unit, judged: Judged | null): readonly Finding[] {
  if (judged === null || unit.intent.workload === 'training') return [];
  const findings: Finding[] = [];
  const starting = unit.members.filter(({ pods }) => pods > 0);
  for (const { template, container } of starting) {
    findings.push(...sharedMemory(template.spec, container, judged));
  }
  for (const { container } of starting) findings.push(...hostMemory(container, judged, podsOf(unit)));
  findings.push(...loadPeak(unit, judged));
  return findings;
}

/**
 * Ranks exchange tensors through /dev/shm, which a container gets 64 MiB of unless a memory-backed volume is mounted
 * (reference engine-flags.md §3, "/dev/shm"; NCCL fails with "No space left on device").
 */
function sharedMemory(spec: PlannedSpec, container: PlannedContainer, judged: Judged): readonly Finding[] {
  if (judged.parallel.tensor <= 1) return [];
  const profile = engineProfile(judged.intent.engine, judged.intent.engineVersion);
  // Where whole layers are dealt to the GPUs, one process drives them all.
  if (profile?.supportsTensorParallel === false || hasSharedMemory(spec, container)) return [];
  const path = [...container.path, 'volumeMounts'];
  const message = `tensor parallel ${judged.parallel.tensor} without an emptyDir of medium Memory at /dev/shm: NCCL has 64 MiB there and fails`;
  return [finding('missing-shm', path, message)];
}

/**
 * Each rank pins host memory as large as its block tables, and holds what is offloaded to the CPU
 * (engine-facts.md §3: at 10M tokens and TP 8 about 80 GiB). Only this lower bound is counted.
 */
function hostMemory(container: PlannedContainer, judged: Judged, pods: number): readonly Finding[] {
  const text = container.limits.get('memory');
  if (text === undefined || judged.bill === null) return [];
  const limit = parseQuantity(text)?.value ?? null;
  const ranks = Math.ceil((judged.parallel.tensor * judged.parallel.pipeline) / pods);
  const perRank = judged.bill.perGpu.engineTables + judged.intent.settings.cpuOffloadBytes;
  const need = perRank * ranks;
  if (limit === null || limit >= need) return [];
  const message = `the memory limit is ${formatGib(limit)}, but pinned tables and offloaded weights need ${formatGib(need)} of host memory`;
  return [finding('memory-limit-low', [...container.path, 'resources', 'limits', 'memory'], message)];
}

/** Online quantization reads the weights at their original precision first (engine-flags.md §5, case 13). */
function loadPeak(unit: Unit, judged: Judged): readonly Finding[] {
  const extra = judged.bill?.loadPeakExtra ?? 0;
  const { fit } = judged;
  if (extra === 0 || fit === null || !fit.fitsAtLow || judged.bill === null) return [];
  const peak = judged.bill.perGpu.weights + judged.bill.perGpu.ropeTable + extra;
  if (peak <= fit.usableBytes) return [];
  const message = `fits once loaded, but quantizing while loading needs ${formatGib(peak)} per GPU for a while, and ${fit.product} has ${formatGib(fit.usableBytes)}; use a checkpoint that is already quantized`;
  return [finding('load-peak', unit.members[0].container.path, message)];
}
