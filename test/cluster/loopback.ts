import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { throwawayCertificate } from '../../src/server/throwaway-certificate.ts';
import { kubeconfigText } from './kubeconfig.ts';

export interface Stored {
  readonly spec?: unknown;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
}

interface Collection {
  readonly objects: Map<string, object>;
  readonly watchers: Set<ServerResponse>;
  /** Lines of every change, by its version: a watch gets those after its own. */
  readonly history: Map<number, string>;
}

/**
 * An API server on loopback with TLS, as far as list and watch go: for life-cycle tests, where a mock cannot abort
 * (reference toolchain.md §3). It knows collections by path; every other path is a 404 unless `answer` is set.
 */
export class LoopbackApi {
  readonly #server: Server;
  readonly #ca: string;
  readonly #collections = new Map<string, Collection>();
  readonly #statuses = new Map<string, number>();
  #version = 1;
  /** `METHOD path?query` of every request. */
  readonly requests: string[] = [];
  readonly bodies: unknown[] = [];

  private constructor(server: Server, ca: string) {
    this.#server = server;
    this.#ca = ca;
  }

  static async start(): Promise<LoopbackApi> {
    const { ca, pair } = await throwawayCertificate(['localhost', '127.0.0.1']);
    const server = createServer({ cert: pair.cert, key: pair.key });
    const api = new LoopbackApi(server, ca);
    server.on('request', (request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        if (body !== '') api.bodies.push(JSON.parse(body));
        api.#answer(request.method ?? '', request.url ?? '', response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return api;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get kubeconfig(): string {
    const { port } = this.#server.address() as AddressInfo;
    return kubeconfigText(`https://127.0.0.1:${port}`, { ca: this.#ca });
  }

  /** Puts objects into the collection at `path`, telling its watchers. */
  put(path: string, ...objects: readonly Stored[]): void {
    const collection = this.#collection(path);
    for (const object of objects) {
      const { name } = object.metadata;
      this.#change(collection, collection.objects.has(name) ? 'MODIFIED' : 'ADDED', object);
    }
  }

  remove(path: string, name: string): void {
    const collection = this.#collection(path);
    // As it was last: a namespaced object without its namespace would be another one.
    this.#change(collection, 'DELETED', { metadata: { name }, ...collection.objects.get(name) });
    collection.objects.delete(name);
  }

  #change({ objects, watchers, history }: Collection, type: string, object: Stored): void {
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    objects.set(object.metadata.name, stored);
    const line = `${JSON.stringify({ type, object: stored })}\n`;
    history.set(this.#version, line);
    for (const watcher of watchers) watcher.write(line);
  }

  /** Answers every request below `path` with this status; 200 takes it back. Open watches end. */
  refuse(path: string, status: number): void {
    if (status === 200) this.#statuses.delete(path);
    else this.#statuses.set(path, status);
    for (const watcher of this.#collection(path).watchers) watcher.end();
  }

  #collection(path: string): Collection {
    const known = this.#collections.get(path) ?? {
      objects: new Map(),
      watchers: new Set(),
      history: new Map(),
    };
    this.#collections.set(path, known);
    return known;
  }

  #answer(method: string, url: string, response: ServerResponse): void {
    this.requests.push(`${method} ${url}`);
    const { pathname, searchParams } = new URL(url, 'https://localhost');
    const status = this.#statuses.get(pathname) ?? (this.#collections.has(pathname) ? 200 : 404);
    if (status !== 200) {
      response
        .writeHead(status)
        .end(JSON.stringify({ kind: 'Status', code: status, message: `refused ${pathname}` }));
    } else if (searchParams.get('watch') === 'true')
      this.#watch(pathname, Number(searchParams.get('resourceVersion')), response);
    else this.#list(pathname, response);
  }

  #watch(path: string, after: number, response: ServerResponse): void {
    const { watchers, history } = this.#collection(path);
    response.writeHead(200);
    // Headers go out with the first write.
    const object = { metadata: { resourceVersion: String(after) } };
    response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
    for (const [version, line] of history) if (version > after) response.write(line);
    watchers.add(response);
    response.on('close', () => watchers.delete(response));
  }

  #list(path: string, response: ServerResponse): void {
    const items = [...this.#collection(path).objects.values()];
    response.end(
      JSON.stringify({ kind: 'List', metadata: { resourceVersion: String(this.#version) }, items }),
    );
  }
}
