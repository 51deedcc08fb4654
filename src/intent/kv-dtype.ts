import type { EngineReading, Reading } from '../engine/types.ts';
import { type Finding, finding, formatPath, type JsonPath } from '../findings.ts';
import type { EngineProfile } from '../sizing/engine-profile.ts';
import { COMMON_KV_TYPES, kvDtype } from '../sizing/kv-dtype.ts';
import type { KvDtype } from '../sizing/shapes.ts';
import type { Annotations } from './annotations.ts';
import type { Stated } from './types.ts';

interface KvChoice {
  readonly stated: Stated<string>;
  readonly dtype: KvDtype;
}

/** The annotation and what runs, reconciled; null where the engine is not known. */
export function reconcileKvDtype(
  annotations: Annotations,
  reading: EngineReading | null,
  profile: EngineProfile | null,
  findings: Finding[],
): KvChoice | null {
  if (profile === null) return null;
  const auto = kvDtype(profile, 'auto');
  if (auto === null) return null;
  const fallback: KvChoice = {
    stated: { value: 'auto', origin: { from: 'engine-default', path: [] } },
    dtype: auto,
  };
  const running = runningKvDtype(reading, (name) => kvDtype(profile, name), auto, findings);
  const value = annotations.values.get('kv-cache-dtype');
  if (value === undefined) return running ?? fallback;
  const annotated = kvDtype(profile, value.text.toLowerCase()) ?? contractKvDtype(value.text);
  if (annotated === null) {
    findings.push(finding('malformed-annotation', value.path, `not a KV cache dtype of ${profile.title}`));
    return running ?? fallback;
  }
  const choice: KvChoice = {
    stated: { value: value.text.toLowerCase(), origin: { from: 'annotation', path: value.path } },
    dtype: annotated,
  };
  return widerKv(choice, running ?? (reading === null ? choice : fallback), findings);
}

/** The contract's own words are no mistake where the engine has another word for as many bits, or none. */
function contractKvDtype(text: string): KvDtype | null {
  return COMMON_KV_TYPES.find(([name]) => name === text.toLowerCase())?.[1] ?? null;
}

function runningKvDtype(
  reading: EngineReading | null,
  parse: (name: string) => KvDtype | null,
  auto: KvDtype,
  findings: Finding[],
): KvChoice | null {
  if (reading === null) return null;
  const key = kvOf(reading.kvCacheDtype, parse, auto, findings);
  const value = kvOf(reading.kvCacheDtypeV, parse, auto, findings);
  if (key === null && value === null) return null;
  const names = value === null ? (key?.name ?? auto.name) : `${key?.name ?? auto.name}/${value.name}`;
  const path = pathOf(reading.kvCacheDtype) ?? pathOf(reading.kvCacheDtypeV) ?? reading.containerPath;
  const dtype: KvDtype = {
    name: names,
    keyBits: (key ?? auto).keyBits,
    valueBits: (value ?? key ?? auto).valueBits,
  };
  return { stated: { value: names, origin: { from: 'flag', path } }, dtype };
}

function pathOf(reading: Reading<string>): JsonPath | null {
  return reading.state === 'absent' ? null : reading.path;
}

function kvOf(
  reading: Reading<string>,
  parse: (name: string) => KvDtype | null,
  auto: KvDtype,
  findings: Finding[],
): KvDtype | null {
  if (reading.state === 'absent') return null;
  const parsed = reading.state === 'set' ? parse(reading.value) : null;
  if (parsed !== null) return parsed;
  const message = 'this KV cache dtype is not known; 16 bits were assumed, the costlier case';
  findings.push(finding('unknown-value', reading.path, message));
  return auto;
}

function widerKv(annotated: KvChoice, running: KvChoice, findings: Finding[]): KvChoice {
  const bits = (choice: KvChoice): number => choice.dtype.keyBits + choice.dtype.valueBits;
  if (bits(annotated) === bits(running)) return annotated;
  const where = running.stated.origin.from === 'flag' ? formatPath(running.stated.origin.path) : 'the engine';
  const wider = bits(annotated) > bits(running) ? annotated : running;
  const message =
    `annotated ${annotated.stated.value}, but ${where} runs ${running.dtype.name}; the wider was judged` +
    (where === 'the engine' ? ' (no flag sets it)' : '');
  findings.push(finding('intent-conflict', annotated.stated.origin.path, message));
  return wider;
}
