import { countAt, type JsonNode, nodeAt, reportAt, requiredNodeAt, textAt } from '../json-node.ts';
import { type KindShape, NO_TEMPLATES, ONE_POD, templatesAt } from '../kind.ts';
import type { RolloutSurge } from '../types.ts';

export const group = 'apps';
export const version = 'v1';
export const kind = 'Deployment';
export const resource = 'deployments';

export function readShape(object: JsonNode): KindShape {
  const spec = requiredNodeAt(object, 'spec');
  if (spec === null) return NO_TEMPLATES;
  const replicas = countAt(spec, 'replicas', 1);
  return {
    ...NO_TEMPLATES,
    replicas,
    surge: readSurge(spec, replicas),
    templates: templatesAt(spec, 'template', ONE_POD),
  };
}

/** Both default to this (SetDefaults_Deployment of apps/v1). */
const DEFAULT_SHARE = '25%';

/**
 * As the deployment controller resolves them (ResolveFenceposts and MaxUnavailable, kubernetes
 * `pkg/controller/deployment/util/deployment_util.go`): surge rounds up, unavailable rounds down and is at most
 * the replicas; where both come to 0, one pod may be unavailable, or nothing could ever move.
 */
function readSurge(spec: JsonNode, replicas: number): RolloutSurge | null {
  const strategy = nodeAt(spec, 'strategy');
  const type = strategy === null ? null : textAt(strategy, 'type');
  if (type !== null && type !== '' && type !== 'RollingUpdate') return null;
  const update = strategy === null ? null : nodeAt(strategy, 'rollingUpdate');
  const maxSurge = Math.ceil(shareAt(update, 'maxSurge', replicas));
  const unavailable = Math.floor(shareAt(update, 'maxUnavailable', replicas));
  const isStuck = maxSurge === 0 && unavailable === 0;
  return { maxSurge, maxUnavailable: isStuck ? Math.min(1, replicas) : Math.min(unavailable, replicas) };
}

const PERCENTAGE = /^\d{1,9}%$/;

function shareAt(update: JsonNode | null, key: string, replicas: number): number {
  const value = update?.record[key] ?? DEFAULT_SHARE;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  if (typeof value === 'string' && PERCENTAGE.test(value))
    return (Number.parseInt(value, 10) * replicas) / 100;
  if (update !== null) {
    const message = 'This field must be a whole number of 0 or more, or a percentage such as 25%.';
    reportAt(update, key, 'malformed-object', message);
  }
  return shareAt(null, key, replicas);
}
