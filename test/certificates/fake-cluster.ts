import { applyPatch } from 'rfc6902';

/**
 * One Secret and two webhook configurations behind the API's own rules for writing them: a resourceVersion that moves
 * with every write, 409 for a PUT with an old one, 422 for a JSON Patch whose test fails (kubernetes/apimachinery
 * pkg/api/errors/errors.go; kubernetes/apiserver pkg/endpoints/handlers/patch.go).
 */

export const SECRET = '/api/v1/namespaces/vramgate/secrets/vramgate-certificate';
const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
export const MUTATING = `${REGISTRATION}/mutatingwebhookconfigurations/vramgate`;
export const VALIDATING = `${REGISTRATION}/validatingwebhookconfigurations/vramgate`;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface Webhook {
  readonly name: string;
  readonly clientConfig: { readonly caBundle?: string; readonly service?: unknown };
}

interface Stored {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly webhooks?: readonly Webhook[];
}

function failure(status: number, reason: string, message: string): Answer {
  return {
    status,
    body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code: status },
  };
}

function webhooks(...names: readonly string[]): readonly Webhook[] {
  return names.map((name) => ({
    name,
    clientConfig: { service: { namespace: 'vramgate', name: 'vramgate', path: `/${name}`, port: 443 } },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  }));
}

export class FakeCluster {
  readonly objects = new Map<string, Stored>();
  /** `PUT /api/v1/…`, in order. Reads are not kept. */
  readonly writes: string[] = [];
  /** Called before every request; an answer of its own takes the place of the real one. */
  before: (method: string, path: string) => Answer | null | Promise<Answer | null> = () => null;
  #version = 100;

  constructor() {
    this.put(SECRET, { metadata: { name: 'vramgate-certificate', resourceVersion: '' } });
    const names = ['validate.vramgate.io', 'validate-enforced.vramgate.io'];
    this.put(MUTATING, {
      metadata: { name: 'vramgate', resourceVersion: '' },
      webhooks: webhooks('mutate.vramgate.io'),
    });
    this.put(VALIDATING, {
      metadata: { name: 'vramgate', resourceVersion: '' },
      webhooks: webhooks(...names),
    });
  }

  /** A write of somebody else. */
  put(path: string, object: Stored): Stored {
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    const stored = { ...object, metadata };
    this.objects.set(path, stored);
    return stored;
  }

  secretData(): Readonly<Record<string, string>> {
    const data = this.objects.get(SECRET)?.data ?? {};
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    );
  }

  /** The live caBundle of every webhook. PEM. */
  bundles(): readonly string[] {
    const all = [MUTATING, VALIDATING].flatMap((path) => this.objects.get(path)?.webhooks ?? []);
    return all.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString());
  }

  async handle(method: string, path: string, body: unknown): Promise<Answer> {
    const instead = await this.before(method, path);
    if (instead !== null) return instead;
    const stored = this.objects.get(path);
    if (stored === undefined) return failure(404, 'NotFound', `${path.split('/').at(-1)} not found`);
    if (method === 'GET') return { status: 200, body: stored };
    this.writes.push(`${method} ${path}`);
    const changed = method === 'PUT' ? body : patched(stored, body);
    if (changed === null)
      return failure(422, 'Invalid', 'the server rejected our request due to an error in our request');
    if (!isStored(changed)) return failure(400, 'BadRequest', 'not an object of this kind');
    if (changed.metadata.resourceVersion !== stored.metadata.resourceVersion) {
      return failure(
        409,
        'Conflict',
        'the object has been modified; please apply your changes to the latest version',
      );
    }
    return { status: 200, body: this.put(path, changed) };
  }
}

export function forbidden(what: string): Answer {
  const user = 'system:serviceaccount:vramgate:vramgate';
  return failure(403, 'Forbidden', `${what} is forbidden: User "${user}" cannot do this`);
}

function isStored(value: unknown): value is Stored {
  return typeof value === 'object' && value !== null && 'metadata' in value;
}

function patched(stored: Stored, operations: unknown): unknown {
  const copy: unknown = structuredClone(stored);
  const errors = applyPatch(copy, JSON.parse(JSON.stringify(operations)));
  return errors.every((error) => error === null) ? copy : null;
}
