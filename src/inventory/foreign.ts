import type { Taint } from '../plan/types.ts';
import { type Fields, isFields, type Labels } from './fields.ts';

/** Reading objects of other people's APIs: what is not as expected is as if it were not there. */

export function fieldsAt(value: unknown, ...path: readonly string[]): Fields {
  let at: unknown = value;
  for (const key of path) at = isFields(at) && Object.hasOwn(at, key) ? at[key] : null;
  return isFields(at) ? at : {};
}

export function listAt(value: Fields, key: string): readonly unknown[] {
  const list = value[key];
  return Array.isArray(list) ? list : [];
}

export function textAt(value: unknown, key: string): string | null {
  const text = isFields(value) && Object.hasOwn(value, key) ? value[key] : null;
  return typeof text === 'string' && text !== '' ? text : null;
}

export function stringsOf(list: readonly unknown[]): readonly string[] {
  return list.filter((one) => typeof one === 'string');
}

export function labelsOf(value: Fields): Labels {
  return new Map(
    Object.entries(value).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text]] : [])),
  );
}

export function taintsOf(list: readonly unknown[]): readonly Taint[] {
  return list.flatMap((one) => {
    const [key, effect] = [textAt(one, 'key'), textAt(one, 'effect')];
    return key === null || effect === null ? [] : [{ key, value: textAt(one, 'value') ?? '', effect }];
  });
}

export function nameOf(object: unknown): string {
  return textAt(fieldsAt(object, 'metadata'), 'name') ?? '';
}

/** By its condition Ready; an object without conditions, such as one trimmed by hand, is. */
export function isReady(object: unknown): boolean {
  const conditions = listAt(fieldsAt(object, 'status'), 'conditions');
  const ready = conditions.find((one) => textAt(one, 'type') === 'Ready');
  return ready === undefined || textAt(ready, 'status') === 'True';
}
