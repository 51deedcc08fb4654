import { readDeviceClass } from '../inventory/device-classes.ts';
import { nameOf } from '../inventory/foreign.ts';
import type { KnownNodes } from '../inventory/known-nodes.ts';
import { readNode } from '../inventory/node.ts';
import { readResourceSlice } from '../inventory/resource-slice.ts';
import { resourcePath } from './paths.ts';
import type { ObjectSink } from './reflector.ts';
import { type Register, RegisterSink } from './register-sink.ts';
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
