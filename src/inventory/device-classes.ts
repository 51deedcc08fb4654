import { compareText } from './classes.ts';
import { fieldsAt, nameOf, textAt } from './foreign.ts';

export interface DeviceClassFacts {
  readonly name: string;
  /** The extended resource that its devices stand for; null: none. */
  readonly resource: string | null;
  /** RFC 3339; '' where it is not known. */
  readonly created: string;
}

export function readDeviceClass(object: unknown): DeviceClassFacts {
  return {
    name: nameOf(object),
    resource: textAt(fieldsAt(object, 'spec'), 'extendedResourceName'),
    created: textAt(fieldsAt(object, 'metadata'), 'creationTimestamp') ?? '',
  };
}

/**
 * DeviceClass by extended resource. The API server keeps the field only where the feature is on; of several classes
 * with one resource the newest counts, then the first by name (KEP-5004).
 */
export function mappedClasses(classes: Iterable<DeviceClassFacts>): ReadonlyMap<string, string> {
  const newestFirst = [...classes].sort(
    (one, other) => compareText(other.created, one.created) || compareText(one.name, other.name),
  );
  const mapped = new Map<string, string>();
  for (const { name, resource } of newestFirst) {
    if (resource !== null && !mapped.has(resource)) mapped.set(resource, name);
  }
  return mapped;
}
