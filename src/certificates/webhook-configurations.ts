import type { ClusterApi } from '../cluster/api.ts';
import { resourcePath } from '../cluster/paths.ts';
import { bundlePatch, readConfiguration, trusts } from './ca-bundle.ts';
import { explained, isConflict } from './conflict.ts';

export interface ConfigurationName {
  readonly resource: 'mutatingwebhookconfigurations' | 'validatingwebhookconfigurations';
  readonly name: string;
}

/** One webhook configuration as it was read. Its errors say what was tried. */
export interface LiveConfiguration {
  readonly title: string;
  /** Whether the API server trusts this CA for every webhook of it. */
  readonly trusts: (certificate: string) => boolean;
  /** Puts `bundle` into every webhook that has another. @throws ApiError 409 or 422 when it changed since. */
  readonly publish: (bundle: string) => Promise<LiveConfiguration>;
}

export async function readLive(
  api: ClusterApi,
  { resource, name }: ConfigurationName,
): Promise<LiveConfiguration> {
  const path = resourcePath({ group: 'admissionregistration.k8s.io', version: 'v1', resource, name });
  const title = `${resource} ${name}`;

  function liveOf(answer: unknown): LiveConfiguration {
    const configuration = readConfiguration(answer);
    return {
      title,
      trusts: (certificate) => trusts(configuration, certificate),
      publish: async (bundle) => {
        const operations = bundlePatch(configuration, bundle);
        return operations.length === 0 ? liveOf(answer) : liveOf(await patch(operations));
      },
    };
  }

  function patch(operations: unknown): Promise<unknown> {
    return api.patch(path, 'application/json-patch+json', operations).catch((error: unknown) => {
      throw isConflict(error) ? error : explained(`the caBundle of ${title} cannot be written`, error);
    });
  }

  return liveOf(
    await api.get(path).catch((error: unknown) => {
      throw explained(`${title} cannot be read`, error);
    }),
  );
}

/** The first configuration whose live caBundle lacks this CA; null: the API server trusts it everywhere. */
export function distrustOf(live: readonly LiveConfiguration[], certificate: string): string | null {
  const lacking = live.find((one) => !one.trusts(certificate));
  return lacking === undefined ? null : `the caBundle of ${lacking.title} lacks our CA`;
}
