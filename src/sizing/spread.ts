import { formatCount } from '../units.ts';
import type { Label, Spread } from './shapes.ts';

/** Which end of the measured spreads a question is asked at. */
export type End = keyof Spread;

/** Arithmetic: the same at every end. Rounded up to a whole byte. */
export function exactly(value: number): Spread {
  const whole = Math.ceil(value);
  return { low: whole, mid: whole, high: whole };
}

/** Measured: whole bytes, never negative. */
export function between(low: number, mid: number, high: number): Spread {
  return { low: Math.max(0, Math.round(low)), mid: Math.round(mid), high: Math.round(high) };
}

export function addSpreads(parts: readonly Spread[]): Spread {
  let low = 0;
  let mid = 0;
  let high = 0;
  for (const part of parts) {
    low += part.low;
    mid += part.mid;
    high += part.high;
  }
  return { low, mid, high };
}

export function formatLabel(label: Label): string {
  let text = '';
  for (const part of label) text += typeof part === 'number' ? formatCount(part) : part;
  return text;
}
