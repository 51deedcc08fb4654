import type { KeyPair } from '../../server/certificate-files.ts';

/** Where the serving certificate comes from. */
export interface Certificate {
  /** The first pair; null when `stopped` came before there was one. */
  readonly first: (stopped: Promise<void>) => Promise<KeyPair | null>;
  /** Why the API server cannot rely on it; null: it can. */
  readonly notReady: () => string | null;
  /** Calls `use` with every later pair; returns what ends it. */
  readonly watch: (use: (pair: KeyPair) => void) => () => void;
}

export function expired({ expiresAt }: KeyPair): string | null {
  return expiresAt.getTime() > Date.now() ? null : 'certificate expired';
}
