import { gpuRequestFindings } from './gpu-request.ts';
import {
  inside,
  itemsAt,
  type JsonNode,
  nodeAt,
  nodesAt,
  report,
  reportAt,
  requiredTextAt,
  textAt,
  textsAt,
  typeName,
  valuesAt,
} from './json-node.ts';
import { parseQuantity } from './quantity.ts';
import type { Container, EnvSource, EnvVar, StringMap, VolumeMount } from './types.ts';

/** One entry of `containers` or `initContainers`. */
export function readContainer(node: JsonNode, isInit: boolean): Container {
  const resources = nodeAt(node, 'resources');
  const container: Container = {
    path: node.path,
    name: requiredTextAt(node, 'name'),
    image: textAt(node, 'image'),
    command: textsAt(node, 'command'),
    args: textsAt(node, 'args'),
    env: nodesAt(node, 'env').map(readEnvVar),
    hasEnvFrom: itemsAt(node, 'envFrom').length > 0,
    limits: resources === null ? NO_QUANTITIES : readQuantities(resources, 'limits'),
    requests: resources === null ? NO_QUANTITIES : readQuantities(resources, 'requests'),
    volumeMounts: nodesAt(node, 'volumeMounts').map(readVolumeMount),
    isInit,
    isSidecar: isInit && textAt(node, 'restartPolicy') === 'Always',
    hasClaims: resources !== null && itemsAt(resources, 'claims').length > 0,
  };
  for (const found of gpuRequestFindings(container)) report(node, found);
  return container;
}

const NO_QUANTITIES: StringMap = new Map();

function readQuantities(resources: JsonNode, key: 'limits' | 'requests'): StringMap {
  const values = valuesAt(resources, key);
  if (values.size === 0) return NO_QUANTITIES;
  const quantities = new Map<string, string>();
  for (const [name, value] of values) {
    const text = quantityText(value);
    if (text !== null) quantities.set(name, text);
    else reportAt(inside(resources, key), name, 'malformed-object', quantityProblem(value));
  }
  return quantities;
}

/** Custom resources keep the number as it was written; built-in kinds arrive as strings (engine-flags §4). */
function quantityText(value: unknown): string | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  return parseQuantity(value) === null ? null : `${value}`;
}

function quantityProblem(value: unknown): string {
  const given = typeof value === 'string' ? 'another text' : typeName(value);
  return `This field must be a quantity such as 8 or 128Gi, but it is ${given}.`;
}

const ENV_SOURCES: readonly (readonly [string, EnvSource])[] = [
  ['configMapKeyRef', 'config-map'],
  ['secretKeyRef', 'secret'],
  ['fieldRef', 'field'],
  ['resourceFieldRef', 'resource'],
  ['fileKeyRef', 'file'],
];

function readEnvVar(node: JsonNode): EnvVar {
  const name = requiredTextAt(node, 'name');
  const valueFrom = nodeAt(node, 'valueFrom');
  if (valueFrom === null) {
    return { name, value: textAt(node, 'value') ?? '', source: 'literal', path: node.path };
  }
  // A source that we do not know is a file's equal: set, and not readable here.
  const source = ENV_SOURCES.find(([key]) => valueFrom.record[key] !== undefined)?.[1] ?? 'file';
  return { name, value: null, source, path: node.path };
}

function readVolumeMount(node: JsonNode): VolumeMount {
  return { name: textAt(node, 'name') ?? '', mountPath: textAt(node, 'mountPath') ?? '' };
}
