import type { Mode } from '../plan/types.ts';
import { isMode } from '../plan/verdict.ts';
import { memberOf } from '../workload/json-value.ts';
import type { ObjectSink } from './reflector.ts';

/** A namespace's own mode (contract §5). */
export const MODE_LABEL = 'vramgate.io/mode';

interface Labelled {
  readonly name: string;
  readonly label: unknown;
}

function labelOf(object: unknown): Labelled | null {
  const metadata = memberOf(object, 'metadata');
  const name = memberOf(metadata, 'name');
  return typeof name === 'string'
    ? { name, label: memberOf(memberOf(metadata, 'labels'), MODE_LABEL) }
    : null;
}

/** Modes by namespace. A namespace without the label, or with a value that is no mode, has the global one. */
export class NamespaceSink implements ObjectSink {
  readonly #onChange: (modes: ReadonlyMap<string, Mode>) => void;
  /** Told once per namespace and value. */
  readonly #onStrange: (namespace: string, value: string) => void;
  #modes = new Map<string, Mode>();
  #fresh: Map<string, Mode> | null = null;

  constructor(
    onChange: (modes: ReadonlyMap<string, Mode>) => void,
    onStrange: (namespace: string, value: string) => void,
  ) {
    this.#onChange = onChange;
    this.#onStrange = onStrange;
  }

  put(object: unknown): void {
    const found = labelOf(object);
    if (found === null) return;
    const { name, label } = found;
    const mode = typeof label === 'string' && isMode(label) ? label : null;
    if (label !== undefined && mode === null) this.#onStrange(name, String(label));
    this.#set(name, mode);
  }

  remove(object: unknown): void {
    const found = labelOf(object);
    if (found !== null) this.#set(found.name, null);
  }

  listing(): void {
    this.#fresh = new Map();
  }

  listed(): void {
    if (this.#fresh !== null) this.#modes = this.#fresh;
    this.#fresh = null;
    this.#onChange(new Map(this.#modes));
  }

  #set(name: string, mode: Mode | null): void {
    if (this.#fresh !== null) {
      if (mode !== null) this.#fresh.set(name, mode);
      return;
    }
    if ((this.#modes.get(name) ?? null) === mode) return;
    if (mode === null) this.#modes.delete(name);
    else this.#modes.set(name, mode);
    this.#onChange(new Map(this.#modes));
  }
}
