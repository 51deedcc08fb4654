import * as z from 'zod';
import { certificatesIn } from './stored.ts';

/** A webhook configuration of either kind, as far as its caBundles go. */
const configurationSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  webhooks: z
    .array(
      z.looseObject({
        name: z.string(),
        clientConfig: z.looseObject({ caBundle: z.string().nullish() }),
      }),
    )
    .nullish(),
});

export type WebhookConfiguration = z.infer<typeof configurationSchema>;

/** @throws Error when the answer is no webhook configuration. */
export function readConfiguration(answer: unknown): WebhookConfiguration {
  return configurationSchema.parse(answer);
}

function bundlesOf({ webhooks }: WebhookConfiguration): readonly string[] {
  return (webhooks ?? []).map(({ clientConfig }) =>
    Buffer.from(clientConfig.caBundle ?? '', 'base64').toString('utf8'),
  );
}

/** Whether the API server, as it stands, trusts this CA for every webhook of the configuration. */
export function trusts(configuration: WebhookConfiguration, certificate: string): boolean {
  const wanted = certificate.trim();
  return bundlesOf(configuration).every((bundle) =>
    certificatesIn(bundle).some((one) => one.trim() === wanted),
  );
}

export interface Operation {
  readonly op: 'test' | 'add';
  readonly path: string;
  readonly value: string;
}

/**
 * RFC 6902: only the caBundles that differ, and only in the object that was read. A merge patch would replace the
 * whole list of webhooks, and with it what somebody else changed in the meantime. Empty: nothing to do.
 */
export function bundlePatch(configuration: WebhookConfiguration, bundle: string): readonly Operation[] {
  const value = Buffer.from(bundle).toString('base64');
  const changes = (configuration.webhooks ?? []).flatMap(({ clientConfig }, index): readonly Operation[] =>
    clientConfig.caBundle === value
      ? []
      : [{ op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value }],
  );
  const { resourceVersion } = configuration.metadata;
  return changes.length === 0
    ? []
    : [{ op: 'test', path: '/metadata/resourceVersion', value: resourceVersion }, ...changes];
}
