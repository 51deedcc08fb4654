import { nameOf } from '../inventory/foreign.ts';
import type { ObjectSink } from './reflector.ts';

/** What is known of one kind of object, by name; `put` and `remove` tell whether any class of nodes has changed. */
export interface Register {
  readonly names: () => Iterable<string>;
  readonly put: (object: unknown) => boolean;
  readonly remove: (name: string) => boolean;
  /** How an object is called there; left out: by its name alone, as where there are no namespaces. */
  readonly keyOf?: (object: unknown) => string;
}

/** Keeps a register in step with the API server, and tells of changes; of a whole list once. */
export class RegisterSink implements ObjectSink {
  readonly #register: Register;
  readonly #onChange: () => void;
  /** Not seen again since the list began; null: no list is under way. */
  #unseen: Set<string> | null = null;

  constructor(register: Register, onChange: () => void) {
    this.#register = register;
    this.#onChange = onChange;
  }

  put(object: unknown): void {
    this.#unseen?.delete(this.#keyOf(object));
    if (this.#register.put(object) && this.#unseen === null) this.#onChange();
  }

  remove(object: unknown): void {
    if (this.#register.remove(this.#keyOf(object))) this.#onChange();
  }

  listing(): void {
    this.#unseen = new Set(this.#register.names());
  }

  listed(): void {
    for (const name of this.#unseen ?? []) this.#register.remove(name);
    this.#unseen = null;
    this.#onChange();
  }

  #keyOf(object: unknown): string {
    return (this.#register.keyOf ?? nameOf)(object);
  }
}
