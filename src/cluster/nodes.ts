import { readDeviceClass } from '../inventory/device-classes.ts';
import { nameOf } from '../inventory/foreign.ts';
import type { KnownNodes } from '../inventory/known-nodes.ts';
import { readNode } from '../inventory/node.ts';
import { readResourceSlice } from '../inventory/resource-slice.ts';
import { resourcePath } from './paths.ts';
import type { ObjectSink } from './reflector.ts';
import type { Versions } from './served.ts';

export const NODE_PATHS: Versions = [resourcePath({ group: '', version: 'v1', resource: 'nodes' })];

/** Since Kubernetes 1.34 it is v1 (reference gpu-catalog.md §6); 1.32 and 1.33 have the others. */
function draPaths(resource: string): Versions {
  const path = (version: string): string => resourcePath({ group: 'resource.k8s.io', version, resource });
  return [path('v1'), path('v1beta2'), path('v1beta1')];
}

/** One kind of object that says something of nodes. */
export interface NodeKind {
  readonly resource: string;
  readonly paths: Versions;
  readonly sink: (known: KnownNodes, onChange: () => void) => ObjectSink;
}

/** What is known of one kind of object, by name. @returns whether any class of nodes has changed. */
interface Register {
  readonly names: () => Iterable<string>;
  readonly put: (object: unknown) => boolean;
  readonly remove: (name: string) => boolean;
}

/** Keeps a register in step with the API server, and tells of changes; of a whole list once. */
class RegisterSink implements ObjectSink {
  readonly #register: Register;
  readonly #onChange: () => void;
  /** Not seen again since the list began; null: no list is under way. */
  #unseen: Set<string> | null = null;

  constructor(register: Register, onChange: () => void) {
    this.#register = register;
    this.#onChange = onChange;
  }

  put(object: unknown): void {
    this.#unseen?.delete(nameOf(object));
    if (this.#register.put(object) && this.#unseen === null) this.#onChange();
  }

  remove(object: unknown): void {
    if (this.#register.remove(nameOf(object))) this.#onChange();
  }

  listing(): void {
    this.#unseen = new Set(this.#register.names());
  }

  listed(): void {
    for (const name of this.#unseen ?? []) this.#register.remove(name);
    this.#unseen = null;
    this.#onChange();
  }
}

/** A node that cannot be read offers nothing; the API server validates them, so there should be none. */
export function nodeSink(known: KnownNodes, onChange: () => void): ObjectSink {
  const register: Register = {
    names: () => known.names(),
    put: (object) => {
      const { name, parts } = readNode(object);
      return parts === null ? known.remove(name) : known.put(parts);
    },
    remove: (name) => known.remove(name),
  };
  return new RegisterSink(register, onChange);
}

function sliceSink(known: KnownNodes, onChange: () => void): ObjectSink {
  const register: Register = {
    names: () => known.sliceNames(),
    put: (object) => {
      const slice = readResourceSlice(object);
      return slice === null ? known.removeSlice(nameOf(object)) : known.putSlice(slice);
    },
    remove: (name) => known.removeSlice(name),
  };
  return new RegisterSink(register, onChange);
}

function deviceClassSink(known: KnownNodes, onChange: () => void): ObjectSink {
  const register: Register = {
    names: () => known.deviceClassNames(),
    put: (object) => known.putDeviceClass(readDeviceClass(object)),
    remove: (name) => known.removeDeviceClass(name),
  };
  return new RegisterSink(register, onChange);
}

/** What DRA says of nodes. A cluster may have it or not; it may come later. */
export const DRA_KINDS: readonly NodeKind[] = [
  { resource: 'resourceslices', paths: draPaths('resourceslices'), sink: sliceSink },
  { resource: 'deviceclasses', paths: draPaths('deviceclasses'), sink: deviceClassSink },
];
