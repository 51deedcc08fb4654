import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, findConnection } from '../../src/cluster/connect.ts';

/** A kubeconfig of one context, as `kubectl config view --raw` prints it. */
export function kubeconfigText(server: string, { ca = '', token = 'secret-token' } = {}): string {
  const trust = ca === '' ? '' : `certificate-authority-data: ${Buffer.from(ca).toString('base64')}`;
  return `apiVersion: v1
kind: Config
current-context: here
clusters: [{name: one, cluster: {server: "${server}", ${trust}}}]
users: [{name: me, user: {token: ${token}}}]
contexts:
  - {name: here, context: {cluster: one, user: me, namespace: team-a}}
  - {name: lost, context: {cluster: gone, user: me}}
`;
}

/** The connection that a kubeconfig file of this text gives. */
export function connectionTo(text: string, context: string | null = null): Connection {
  const folder = mkdtempSync(join(tmpdir(), 'vramgate-kubeconfig-'));
  try {
    const kubeconfig = join(folder, 'config');
    writeFileSync(kubeconfig, text);
    const connection = findConnection({ kubeconfig, context, isInteractive: false });
    if (connection === null) throw new Error('no connection');
    return connection;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
