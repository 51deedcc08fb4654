import type { ClusterApi } from '../cluster/api.ts';
import type { KeyPair } from '../server/certificate-files.ts';
import { advance, begin } from './advance.ts';
import { isConflict } from './conflict.ts';
import { type SecretName, sharedSecret } from './shared-secret.ts';
import { bundleOf, isEmpty, type Secret, type Stored } from './stored.ts';
import {
  type ConfigurationName,
  distrustOf,
  type LiveConfiguration,
  readLive,
} from './webhook-configurations.ts';

export interface ManagerSettings {
  readonly api: ClusterApi;
  readonly secret: SecretName;
  /** Names that the API server calls us by: `SERVICE.NAMESPACE.svc`. */
  readonly hosts: readonly string[];
  readonly configurations: readonly ConfigurationName[];
  readonly now: () => Date;
}

/**
 * CA and leaf that the replicas share through a Secret which exists already and is filled by whoever comes first.
 * Whoever loses (409) reads what the other wrote.
 */
export interface CertificateManager {
  /**
   * Brings Secret and caBundles up to date, and gives the pair to serve: one that the API server trusts by now.
   * @throws Error saying what stands in the way; what is served already can go on.
   */
  readonly pass: () => Promise<KeyPair>;
  /** Why the API server would refuse what the last pass gave; null: it trusts it, as far as is known. */
  readonly notTrusted: () => string | null;
}

// Two writers at a time are two replicas of a rollout; more would be a storm.
const ATTEMPTS = 5;

export function createCertificateManager(settings: ManagerSettings): CertificateManager {
  const { api, hosts, now } = settings;
  const shared = sharedSecret(api, settings.secret);
  let last: Stored | null = null;
  let distrust: string | null = 'no webhook configuration was read yet';

  async function wanted(secret: Secret, live: readonly LiveConfiguration[]): Promise<Stored> {
    if (isEmpty(secret)) {
      // Emptied while we serve? The other replicas go on with what it held until they have read the new one.
      const trusted = last === null ? [] : [last.authority.cert];
      return write(secret, await begin({ now: now(), hosts, isNextTrusted: false }, trusted));
    }
    const stored = shared.storedIn(secret);
    const { next } = stored;
    const isNextTrusted = next !== null && live.every((one) => one.trusts(next.cert));
    const advanced = await advance(stored, { now: now(), hosts, isNextTrusted });
    return advanced === stored ? stored : write(secret, advanced);
  }

  async function write(secret: Secret, stored: Stored): Promise<Stored> {
    await shared.write(secret, stored);
    return stored;
  }

  async function attempt(): Promise<KeyPair> {
    const secret = await shared.read();
    const before = await Promise.all(settings.configurations.map((one) => readLive(api, one)));
    const stored = await wanted(secret, before);
    const { cert } = stored.authority;
    distrust = distrustOf(before, cert);
    const bundle = bundleOf(stored);
    const after = await Promise.all(before.map((one) => one.publish(bundle)));
    distrust = distrustOf(after, cert);
    if (distrust !== null) throw new Error(`${distrust}, although it was written`);
    last = stored;
    return stored.leaf;
  }

  async function pass(): Promise<KeyPair> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (!isConflict(error) || tries === ATTEMPTS) throw error;
      }
    }
  }

  return { pass, notTrusted: () => distrust };
}
