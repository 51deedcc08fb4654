import { formatGib } from '../units.ts';
import type { AuditRecord } from './record-schema.ts';

/** The parts of a record as a person reads them; `-` where there is nothing to say. */

export function objectName({ subject }: AuditRecord): string {
  const { kind, namespace, name, generateName } = subject;
  return `${kind} ${namespace ?? '-'}/${name ?? (generateName === null ? '-' : `${generateName}*`)}`;
}

export function modelText({ model, quantization, context }: AuditRecord): string {
  if (model === null) return '-';
  return [model, quantization, context].filter((one) => one !== null).join(' ');
}

/** `-→2`: none asked for, two planned. */
export function gpuText({ requestedGpus, plannedGpus }: AuditRecord): string {
  if (requestedGpus === null && plannedGpus === null) return '-';
  if (requestedGpus === plannedGpus || plannedGpus === null) return String(requestedGpus);
  return `${requestedGpus ?? '-'}→${plannedGpus}`;
}

export function needText({ bytesNeededPerGpu, bytesAvailablePerGpu }: AuditRecord): string {
  if (bytesNeededPerGpu === null) return '-';
  const have = bytesAvailablePerGpu === null ? '?' : formatGib(bytesAvailablePerGpu);
  return `${formatGib(bytesNeededPerGpu)}/${have}`;
}

export function codesText({ findings }: AuditRecord): string {
  return [...new Set(findings.map(({ code }) => code))].join(',');
}
