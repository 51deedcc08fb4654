// The API server's own default of timeoutSeconds (webhook-practice.md §1, fact 16).
const DEFAULT_SECONDS = 10;
const MAX_SECONDS = 30;

/** `?timeout=5s`, as the API server writes what is left of its time: whole seconds, rounded up. */
export function timeoutMilliseconds(parameter: unknown): number {
  const seconds = typeof parameter === 'string' ? /^(\d{1,3})s$/.exec(parameter)?.[1] : undefined;
  const given = seconds === undefined ? DEFAULT_SECONDS : Number(seconds);
  return Math.min(given, MAX_SECONDS) * 1000;
}
