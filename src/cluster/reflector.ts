import { memberOf } from '../workload/json-value.ts';
import type { ClusterApi, WatchEvent } from './api.ts';
import { ApiError, isStatus, messageOf } from './errors.ts';
import type { Query } from './exchange.ts';
import { onServed, type Versions } from './served.ts';

/**
 * Keeps a collection of the API in step: list, then watch from there, for ever. What was known stays known while the
 * API server is away. After client-go tools/cache/reflector.go.
 */

/** Where a reflector's objects go. All calls come from one loop, one after the other. */
export interface ObjectSink {
  /** Of a list or a change. */
  readonly put: (object: unknown) => void;
  readonly remove: (object: unknown) => void;
  /** A list begins; what is not put until `listed` is no longer there. */
  readonly listing: () => void;
  readonly listed: () => void;
}

/**
 * `starting`: never listed. `current`: in step. `behind`: listed once, the API server does not answer now.
 * `forbidden`: no rights to list. `absent`: the cluster does not have this API.
 */
export type ReflectorPhase = 'starting' | 'current' | 'behind' | 'forbidden' | 'absent';

export interface ReflectorState {
  readonly phase: ReflectorPhase;
  /** When the API server was last heard, in milliseconds of `Timing.now`; null: never. */
  readonly heardAt: number | null;
  /** Last refusal or failure, for a person; '' when in step. */
  readonly detail: string;
}

/** Clock and waiting, passed in. */
export interface Timing {
  readonly now: () => number;
  /** Resolves early when the signal is aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** From 0 to 1: replicas must not ask in step. */
  readonly chance: () => number;
}

export interface ReflectorSettings {
  readonly api: ClusterApi;
  /** Versions of the collection; the first that is served is listed and watched. */
  readonly paths: Versions;
  readonly sink: ObjectSink;
  readonly timing: Timing;
  readonly accept?: { readonly list: string; readonly object: string };
  /** What of the collection is listed and watched; left out: all of it. */
  readonly query?: Query;
  /** Most objects of one page of a list; left out: what suits nodes. */
  readonly limit?: number;
  /** Called at every change of phase. */
  readonly onPhase?: (state: ReflectorState) => void;
}

// client-go backs off from 800 ms to 30 s by factors of 2.
const FIRST_WAIT_MS = 800;
const LONGEST_WAIT_MS = 30_000;
// Rights are granted and CRDs installed by people: a minute is soon enough to notice.
const REFUSED_WAIT_MS = 60_000;
/** A watch that ends so soon without an event is a failure: asking again at once would be a storm. */
const SHORT_WATCH_MS = 1_000;

function versionOf(object: unknown): string | null {
  const version = memberOf(memberOf(object, 'metadata'), 'resourceVersion');
  return typeof version === 'string' && version !== '' ? version : null;
}

/** 401: the token is not, or no longer, one of this cluster's. New rights, a new token or a CRD may come. */
function isRefusal(error: unknown): boolean {
  return [401, 403, 404].some((status) => isStatus(error, status));
}

export class Reflector {
  readonly #settings: ReflectorSettings;
  #state: ReflectorState = { phase: 'starting', heardAt: null, detail: '' };
  #path = '';
  /** Where the watch goes on; null: list first. */
  #version: string | null = null;
  #hasListed = false;
  #failures = 0;
  /** Counts calls of `relist`, so that one during a list is not lost. */
  #wishes = 0;
  #watching = new AbortController();

  constructor(settings: ReflectorSettings) {
    this.#settings = settings;
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** Lists anew as soon as possible, because the sink has forgotten what it knew. */
  relist(): void {
    this.#wishes += 1;
    this.#version = null;
    this.#watching.abort();
  }

  /** Until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#watching = new AbortController();
      const watching = AbortSignal.any([signal, this.#watching.signal]);
      try {
        if (this.#version === null) await onServed(this.#settings.paths, (path) => this.#list(path, signal));
        if (this.#version !== null) await this.#watch(this.#version, watching);
      } catch (error) {
        if (!watching.aborted) await this.#settings.timing.sleep(this.#failed(error), signal);
      }
    }
  }

  #enter(phase: ReflectorPhase, detail: string): void {
    const isNew = phase !== this.#state.phase;
    this.#state = { ...this.#state, phase, detail };
    if (isNew) this.#settings.onPhase?.(this.#state);
  }

  #heard(): void {
    this.#state = { ...this.#state, heardAt: this.#settings.timing.now() };
  }

  async #list(path: string, signal: AbortSignal): Promise<void> {
    const { api, sink, accept, query = {}, limit } = this.#settings;
    const options = { signal, query, ...(limit && { limit }), ...(accept && { accept: accept.list }) };
    const wishes = this.#wishes;
    let last = '';
    sink.listing();
    for await (const page of api.list(path, options)) {
      for (const item of page.items) sink.put(item);
      last = page.resourceVersion;
      this.#heard();
    }
    sink.listed();
    this.#path = path;
    this.#version = wishes === this.#wishes ? last : null;
    this.#hasListed = true;
    this.#failures = 0;
    this.#enter('current', '');
  }

  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { api, timing, accept, query = {} } = this.#settings;
    const opened = timing.now();
    let events = 0;
    const options = { resourceVersion, signal, query, ...(accept && { accept: accept.object }) };
    for await (const event of api.watch(this.#path, options)) {
      events += 1;
      this.#take(event);
    }
    if (events === 0 && timing.now() - opened < SHORT_WATCH_MS) throw new Error('the watch ended at once');
    this.#heard();
    this.#enter('current', '');
  }

  #take({ type, object }: WatchEvent): void {
    const { sink } = this.#settings;
    this.#failures = 0;
    this.#heard();
    this.#enter('current', '');
    // A relist was asked for meanwhile: its version must stay null.
    if (this.#version !== null) this.#version = versionOf(object) ?? this.#version;
    if (type === 'DELETED') sink.remove(object);
    else if (type !== 'BOOKMARK') sink.put(object);
  }

  /** @returns milliseconds until the next attempt. */
  #failed(error: unknown): number {
    this.#failures += 1;
    // Expired, forbidden, or gone with its API: there is nothing to go on from.
    if (isRefusal(error) || isStatus(error, 410)) this.#version = null;
    if (isStatus(error, 404)) this.#forget();
    this.#enter(this.#phaseAfter(error), messageOf(error));
    if (isRefusal(error)) return REFUSED_WAIT_MS;
    if (isStatus(error, 410) && this.#failures === 1) return 0;
    const wait = Math.min(FIRST_WAIT_MS * 2 ** (this.#failures - 1), LONGEST_WAIT_MS);
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    return Math.max(wait * (0.5 + this.#settings.timing.chance() / 2), Math.min(asked, LONGEST_WAIT_MS));
  }

  #phaseAfter(error: unknown): ReflectorPhase {
    if (isStatus(error, 404)) return 'absent';
    if (this.#hasListed) return 'behind';
    return isRefusal(error) ? 'forbidden' : 'starting';
  }

  // The API is gone, and its objects with it.
  #forget(): void {
    const { sink } = this.#settings;
    if (this.#hasListed) {
      sink.listing();
      sink.listed();
    }
    this.#hasListed = false;
  }
}
