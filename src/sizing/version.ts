/** Release numbers as engines print them: `0.11.0`, `v0.4.9.post4`, `0.10.1.1`, `0.20.1rc1+cu129`. */
export type Version = readonly [major: number, minor: number, patch: number, post: number];

const RELEASE = /^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,6}))?(?:\.(?:post)?(\d{1,6}))?(?![\d.])/;

/** Vendors tag their images by year and month (`25.09-py3`); that is no release of the engine. */
const FIRST_CALENDAR_MAJOR = 20;

/** null when the text is no release: `latest`, `nightly`, a commit, a calendar tag. */
export function parseVersion(text: string): Version | null {
  const match = RELEASE.exec(text.trim());
  if (match === null) return null;
  const major = Number(match[1]);
  if (major >= FIRST_CALENDAR_MAJOR) return null;
  return [major, Number(match[2]), Number(match[3] ?? 0), Number(match[4] ?? 0)];
}

function compare(left: Version, right: Version): number {
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2] || left[3] - right[3];
}

export function isAtLeast(version: Version, bound: Version): boolean {
  return compare(version, bound) >= 0;
}

/** The row of a table of facts by first version, oldest first. The oldest row also serves what is older still. */
export function factsOf<T>(
  rows: readonly [oldest: SinceRow<T>, ...newer: SinceRow<T>[]],
  version: Version,
): T {
  let facts = rows[0].facts;
  for (const row of rows) {
    if (isAtLeast(version, row.since)) facts = row.facts;
  }
  return facts;
}

/** `0.9.2`, `0.4.6.post5`. */
export function formatVersion([major, minor, patch, post]: Version): string {
  return `${major}.${minor}.${patch}${post > 0 ? `.post${post}` : ''}`;
}

export interface SinceRow<T> {
  readonly since: Version;
  readonly facts: T;
}
