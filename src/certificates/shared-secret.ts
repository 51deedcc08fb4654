import type { ClusterApi } from '../cluster/api.ts';
import { resourcePath } from '../cluster/paths.ts';
import { explained, isConflict } from './conflict.ts';
import { readSecret, readStored, type Secret, type Stored, withStored } from './stored.ts';

export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

/** The one Secret. Its errors say what was tried. */
export interface SharedSecret {
  readonly read: () => Promise<Secret>;
  readonly storedIn: (secret: Secret) => Stored;
  /** @throws ApiError 409 when somebody else wrote since it was read. */
  readonly write: (secret: Secret, stored: Stored) => Promise<void>;
}

export function sharedSecret(api: ClusterApi, { namespace, name }: SecretName): SharedSecret {
  const path = resourcePath({ group: '', version: 'v1', resource: 'secrets', namespace, name });
  const title = `Secret ${namespace}/${name}`;

  async function read(): Promise<Secret> {
    const answer = await api.get(path).catch((error: unknown) => {
      throw explained(`${title} cannot be read`, error);
    });
    return readSecret(answer);
  }

  function storedIn(secret: Secret): Stored {
    try {
      return readStored(secret);
    } catch (error) {
      throw explained(`${title} holds something else; empty it, or name another`, error);
    }
  }

  async function write(secret: Secret, stored: Stored): Promise<void> {
    await api.update(path, withStored(secret, stored)).catch((error: unknown) => {
      throw isConflict(error) ? error : explained(`${title} cannot be written`, error);
    });
  }

  return { read, storedIn, write };
}
