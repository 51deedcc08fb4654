import { ApiError, isStatus } from '../cluster/errors.ts';

/** Somebody else wrote in between: what was read is old. A failed `test` of a JSON Patch is a 422. */
export function isConflict(error: unknown): boolean {
  return isStatus(error, 409) || isStatus(error, 422);
}

/** What was tried, and the API server's own words, which name a missing right. */
export function explained(what: string, error: unknown): Error {
  const detail = error instanceof Error ? error.message : 'unknown error';
  const status = error instanceof ApiError ? ` (HTTP ${error.status})` : '';
  return new Error(`${what}: ${detail}${status}`, { cause: error });
}
