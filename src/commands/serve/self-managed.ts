import { type CertificateManager, createCertificateManager } from '../../certificates/manager.ts';
import type { ClusterApi } from '../../cluster/api.ts';
import type { SelfManagedChoice } from '../../config/serve-options.ts';
import type { KeyPair } from '../../server/certificate-files.ts';
import { type Certificate, expired } from './certificate-source.ts';
import { createRefresh } from './refresh.ts';
import type { Running } from './running.ts';

// Until there is a pair: an install creates Deployment, Secret and webhook configurations in any order.
const RETRY_MS = 2_000;
// Then: how soon a replica serves what another one has written, and mends a caBundle. The wall clock decides the rest.
// An upgrade that adds a webhook brings it without a bundle, and under failurePolicy Fail every call of it fails until
// then. Three GETs a pass are nothing to an API server.
const PASS_MS = 5_000;

function managerOf(choice: SelfManagedChoice, api: ClusterApi): CertificateManager {
  const { secret, service, mutating, validating } = choice;
  return createCertificateManager({
    api,
    secret,
    // The name by which the API server calls a Service (webhook-practice.md §1, fact 28).
    hosts: [`${service.name}.${service.namespace}.svc`],
    configurations: [
      ...mutating.map((name) => ({ resource: 'mutatingwebhookconfigurations', name }) as const),
      ...validating.map((name) => ({ resource: 'validatingwebhookconfigurations', name }) as const),
    ],
    now: () => new Date(),
  });
}

/** CA and leaf in a Secret that the replicas share: one pass after another, until `watch` is ended. */
export function selfManaged(choice: SelfManagedChoice, api: ClusterApi, running: Running): Certificate {
  const manager = managerOf(choice, api);
  let current: KeyPair | null = null;
  let problem: string | null = 'no certificate yet';
  let swap = (_pair: KeyPair): void => undefined;
  let timer: NodeJS.Timeout | null = null;
  let isOver = false;
  const refresh = createRefresh<KeyPair>(
    {
      subject: 'certificate',
      read: manager.pass,
      isSame: (one, other) => one.cert === other.cert,
      use: (pair) => {
        swap(pair);
        current = pair;
        running.metrics.certificateExpires(pair.expiresAt);
      },
      first: null,
    },
    running,
  );
  const first = new Promise<KeyPair>((resolve) => {
    async function passes(): Promise<void> {
      problem = await refresh();
      if (current !== null) resolve(current);
      if (!isOver) timer = setTimeout(passes, current === null ? RETRY_MS : PASS_MS);
    }
    void passes();
  });
  const end = (): void => {
    isOver = true;
    if (timer !== null) clearTimeout(timer);
    api.close();
  };
  return {
    first: async (stopped) => {
      const pair = await Promise.race([first, stopped.then(() => null)]);
      if (pair === null) end();
      return pair;
    },
    notReady: () => (current === null ? problem : (expired(current) ?? manager.notTrusted())),
    watch: (use) => {
      swap = use;
      return end;
    },
  };
}
