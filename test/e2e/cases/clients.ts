import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { applyWebhooks } from '../harness/cluster.ts';
import { askFitting, askUndersized, wrongOf } from '../harness/load.ts';
import { createAuthority } from '../harness/pki.ts';
import { until } from '../harness/process.ts';
import type { ReplicaStage } from '../harness/suite.ts';
import { configureWebhooks } from '../harness/webhook-configuration.ts';
import type { WebhookServer } from '../harness/webhook-server.ts';

// The API server shows a client certificate to webhooks when its AdmissionConfiguration names a kubeconfig with a user of
// the name `<service>.<namespace>.svc`, with `:<port>` behind it for every port but 443, or `*` (clientConfig in
// pkg/util/webhook/authentication.go of k8s.io/apiserver v0.37.2; seen here: without the port none is shown).

const clients = await createAuthority('e2e client CA');

/** Flags of an API server that shows a certificate to every webhook. */
export async function showsCertificate(folder: string): Promise<readonly string[]> {
  const { cert, key } = await clients.issue({ commonName: 'kube-apiserver' });
  const [kubeconfig, configuration] = [join(folder, 'webhooks.kubeconfig'), join(folder, 'admission.json')];
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const user = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) };
  const users = [{ name: '*', user }];
  await writeFile(kubeconfig, JSON.stringify({ apiVersion: 'v1', kind: 'Config', users }), { mode: 0o600 });
  const plugins = ['MutatingAdmissionWebhook', 'ValidatingAdmissionWebhook'].map((name) => ({
    name,
    configuration: {
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'WebhookAdmissionConfiguration',
      kubeConfigFile: kubeconfig,
    },
  }));
  const document = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration', plugins };
  await writeFile(configuration, JSON.stringify(document));
  return [`--admission-control-config-file=${configuration}`];
}

export function describeClients(stage: () => ReplicaStage): void {
  /** A server that asks for a certificate of `ca`. */
  async function serverFor(name: string, ca: string): Promise<WebhookServer> {
    const { plane, start } = stage();
    const caFile = join(plane.folder, `${name}-client-ca.crt`);
    await writeFile(caFile, ca);
    return start(name, caFile);
  }

  describe('a server that asks the API server for a certificate', () => {
    it('judges when it is of the right CA', async () => {
      const { plane, certificate } = stage();
      const server = await serverFor('right-ca', clients.ca);
      const settings = { port: server.port, ca: certificate.ca, failurePolicy: 'Fail' } as const;
      await applyWebhooks(plane, settings, server);
      expect(wrongOf([await askFitting(plane.api), await askUndersized(plane.api)])).toEqual([]);
    });

    it('refuses the connection when it is of another', async () => {
      const { plane, certificate } = stage();
      const server = await serverFor('other-ca', (await createAuthority('e2e other CA')).ca);
      const settings = { port: server.port, ca: certificate.ca, failurePolicy: 'Fail' } as const;
      await configureWebhooks(plane, settings);
      const reply = await until(
        async () => {
          const answer = await askFitting(plane.api);
          return answer.text.includes(`:${server.port}/`) ? answer : null;
        },
        { what: 'the API server calls the new server' },
      );
      expect(reply.status).toBe(500);
      expect(reply.text).toContain('failed calling webhook');
      expect(await server.records()).toEqual([]);
    });
  });
}
