import { existsSync } from 'node:fs';

/** Where a pod finds the token of its service account. */
export const TOKEN_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** Whether this process may ask the API server as a service account. Cheap: connect.ts need not be loaded for it. */
export function isInPod(): boolean {
  return existsSync(TOKEN_FILE);
}
