/** What the API server answered instead of the object that was asked for. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status, or the `code` of a watch's ERROR event: 403, 404, 409, 410 … */
  readonly status: number;
  /** `reason` of the Status object: `NotFound`, `AlreadyExists`, `Expired` …; '' where there is none. */
  readonly reason: string;
  /** Seconds of a Retry-After header; null without one. */
  readonly retryAfterSeconds: number | null;

  constructor(status: number, reason: string, message: string, retryAfterSeconds: number | null = null) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** No answer, or one that cannot be read: connection, TLS, credentials, time, or something that is no API server. */
export class ApiUnreachable extends Error {
  override readonly name = 'ApiUnreachable';
}

/** Whether an error is the API server's answer with this status. */
export function isStatus(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.status === status;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}
