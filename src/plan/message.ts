import { type Finding, formatPath } from '../findings.ts';
import type { Remedy } from './types.ts';

/** Most ways out that a refusal offers (contract §5). */
export const MAX_REMEDIES = 4;

/** The advice of k8s.io/api/admission/v1 types.go; how many are sent is bounded where they are answered. */
const MAX_WARNING = 120;

/** Findings that a refusal spells out after its first; all of them are in details.causes. */
const MAX_OTHERS = 9;

/** Order in which a person should read: what makes the object unreadable first, then need against have. */
export function refusalMessage(denying: readonly Finding[], remedies: readonly Remedy[]): string {
  const [first, ...others] = denying;
  if (first === undefined) return '';
  const lines = [`${plain(first.message)} [${first.code} at ${plain(formatPath(first.path))}]`];
  for (const other of others.slice(0, MAX_OTHERS)) {
    lines.push(`- also: ${plain(other.message)} [${other.code} at ${plain(formatPath(other.path))}]`);
  }
  if (others.length > MAX_OTHERS) lines.push(`- and ${others.length - MAX_OTHERS} more`);
  if (remedies.length > 0) lines.push('Ways out, each checked:');
  remedies.forEach((remedy, index) => {
    lines.push(`  ${index + 1}. ${plain(remedy.text)}`);
  });
  return lines.join('\n');
}

export function warningTexts(findings: readonly Finding[]): readonly string[] {
  return findings.map((one) => shorten(`${one.code}: ${plain(one.message)}`));
}

function shorten(text: string): string {
  if (text.length <= MAX_WARNING) return text;
  const cut = text.lastIndexOf(' ', MAX_WARNING - 1);
  const kept = text.slice(0, cut > MAX_WARNING / 2 ? cut : MAX_WARNING - 1);
  // Half of a pair is no character: the API server drops a warning that is not valid UTF-8.
  return `${kept.replace(/[\ud800-\udbff]$/, '')}…`;
}

/** One line: control characters, line and paragraph separators and bidirectional overrides become spaces. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ');
}
