import { at, isMembers, listAt } from './members.ts';

/** Paths of fields and the managers that own them, from `metadata.managedFields` (FieldsV1). */

function leaves(fields: unknown, path: string): readonly string[] {
  if (!isMembers(fields)) return [];
  const children = Object.entries(fields).filter(([key]) => key !== '.');
  if (children.length === 0) return [path];
  return children.flatMap(([key, inner]) => leaves(inner, `${path}/${key}`));
}

export function ownersByField(object: unknown): ReadonlyMap<string, readonly string[]> {
  const owners = new Map<string, readonly string[]>();
  for (const entry of listAt(object, 'metadata', 'managedFields')) {
    const manager = String(at(entry, 'manager'));
    for (const field of leaves(at(entry, 'fieldsV1'), '')) {
      owners.set(field, [...(owners.get(field) ?? []), manager]);
    }
  }
  return owners;
}
