import { type Finding, finding } from '../findings.ts';
import { type Concept, type Grammar, lastOf, type Occurrence, type ParsedFlags } from './flags.ts';
import { pythonInt } from './numbers.ts';
import { ABSENT, type Reading } from './types.ts';
import { quote } from './words.ts';

/** Flags of one launch, with the grammar that gives their values a meaning and the place for what is wrong. */
export interface FlagReader {
  readonly flags: ParsedFlags;
  readonly grammar: Grammar;
  readonly findings: Finding[];
}

function unknown<T>({ path, value, flag }: Occurrence): Reading<T> {
  return { state: 'unknown', path, text: value?.raw ?? flag };
}

export function readText(reader: FlagReader, concept: Concept): Reading<string> {
  const last = lastOf(reader.flags, concept);
  if (last === null || last.value === null) return ABSENT;
  const { text } = last.value;
  return text === null ? unknown(last) : { state: 'set', value: text, path: last.path, text };
}

/** The number of a flag by the engine's own grammar; what is wrong with it becomes a finding. */
export function readNumber(reader: FlagReader, concept: Concept): Reading<number> {
  const last = lastOf(reader.flags, concept);
  if (last === null || last.value === null) return ABSENT;
  const { text } = last.value;
  if (text === null) return unknown(last);
  const value = parseNumber(reader, last, text);
  return value === null ? unknown(last) : { state: 'set', value, path: last.path, text };
}

function parseNumber(reader: FlagReader, occurrence: Occurrence, text: string): number | null {
  const { spec, flag, path } = occurrence;
  const parsed = (reader.grammar.numbers.get(spec.kind) ?? pythonInt)(text);
  const isTooSmall = parsed.value !== null && spec.min !== undefined && parsed.value < spec.min;
  const problem = parsed.problem ?? (isTooSmall ? `it must be at least ${spec.min}` : null);
  if (problem !== null) {
    const code = parsed.isRefused || isTooSmall ? 'malformed-flag' : 'flag-conflict';
    reader.findings.push(finding(code, path, `${quote(flag)} is ${quote(text)}: ${problem}`));
  }
  return isTooSmall ? null : parsed.value;
}

const TRUE = /^(?:true|1|yes|on)$/i;

/** A switch; null when it is not given. Negated twins and `--flag=False` count. */
export function readSwitch(reader: FlagReader, concept: Concept): boolean | null {
  const last = lastOf(reader.flags, concept);
  if (last === null) return null;
  const text = last.value?.text ?? null;
  const isOn = text === null || TRUE.test(text.trim());
  return last.isNegated ? !isOn : isOn;
}

export function isOn(reader: FlagReader, concept: Concept): boolean {
  return readSwitch(reader, concept) === true;
}

/**
 * One key of a JSON flag, in either spelling: `--config '{"key": 1}'` or `--config.key 1`. Numbers and texts only;
 * a JSON that cannot be read is unknown.
 */
export function readKey(reader: FlagReader, concept: Concept, key: string): Reading<string> {
  let found: Reading<string> = ABSENT;
  for (const occurrence of reader.flags.occurrences.get(concept) ?? []) {
    const one = keyOf(occurrence, key);
    if (one.state !== 'absent' || occurrence.key === null) found = one;
  }
  return found;
}

function keyOf(occurrence: Occurrence, key: string): Reading<string> {
  const { value, path } = occurrence;
  if (value === null || (occurrence.key !== null && occurrence.key.replaceAll('-', '_') !== key))
    return ABSENT;
  if (value.text === null) return unknown(occurrence);
  if (occurrence.key !== null) return { state: 'set', value: value.text, path, text: value.text };
  const members = parseMembers(value.text);
  if (members === null) return unknown(occurrence);
  const member = Object.hasOwn(members, key) ? Reflect.get(members, key) : undefined;
  if (typeof member !== 'string' && typeof member !== 'number') return ABSENT;
  return { state: 'set', value: String(member), path, text: value.text };
}

/** @returns null for a text that is no JSON object. */
export function parseMembers(text: string): object | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

/** The first of several readings that is not absent. */
export function firstSet<T>(...readings: readonly Reading<T>[]): Reading<T> {
  return readings.find((reading) => reading.state !== 'absent') ?? ABSENT;
}

/** A reading turned into another type where it is set. */
export function mapReading<A, B>(reading: Reading<A>, convert: (value: A) => B | null): Reading<B> {
  if (reading.state !== 'set') return reading;
  const value = convert(reading.value);
  if (value === null) return { state: 'unknown', path: reading.path, text: reading.text };
  return { state: 'set', value, path: reading.path, text: reading.text };
}
