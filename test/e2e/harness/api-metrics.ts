import type { Api } from './api.ts';

/** Counters of the API server about its webhooks (webhook-practice.md §1, fact 33). */
export interface WebhookCounters {
  /** Calls that ended with an answer or without one. */
  readonly requests: number;
  /** For whatever reason. */
  readonly rejections: number;
  /** Those of them for want of an answer, under Fail. */
  readonly failedClosed: number;
  /** Admitted for want of an answer, under Ignore. */
  readonly failedOpen: number;
}

interface Sample {
  readonly metric: string;
  readonly labels: string;
  readonly value: number;
}

const LINE = /^apiserver_admission_webhook_(request_total|rejection_count|fail_open_count)\{(.*)\} (\S+)$/gm;

/** The few lines of a page of some ten thousand that are about this. */
async function samplesOf(api: Api): Promise<readonly Sample[]> {
  const { text } = await api.call('/metrics');
  return [...text.matchAll(LINE)].map(([, metric = '', labels = '', value]) => ({
    metric,
    labels,
    value: Number(value),
  }));
}

function countersOf(samples: readonly Sample[], webhook: string): WebhookCounters {
  const own = samples.filter(({ labels }) => labels.includes(`name="${webhook}"`));
  const sum = (metric: string, label = '') =>
    own
      .filter((one) => one.metric === metric && one.labels.includes(label))
      .reduce((total, { value }) => total + value, 0);
  return {
    requests: sum('request_total'),
    rejections: sum('rejection_count'),
    failedClosed: sum('rejection_count', 'error_type="calling_webhook_error"'),
    failedOpen: sum('fail_open_count'),
  };
}

/** Of one moment: the API server takes a tenth of a second to write its metrics down. */
export async function allCounters(
  api: Api,
  webhooks: readonly string[],
): Promise<readonly WebhookCounters[]> {
  const samples = await samplesOf(api);
  return webhooks.map((webhook) => countersOf(samples, webhook));
}

export async function webhookCounters(api: Api, webhook: string): Promise<WebhookCounters> {
  return countersOf(await samplesOf(api), webhook);
}

/** Calls of each webhook while `work` runs. */
export async function callsDuring(
  api: Api,
  webhooks: readonly string[],
  work: () => Promise<unknown>,
): Promise<readonly number[]> {
  const before = await allCounters(api, webhooks);
  await work();
  const after = await allCounters(api, webhooks);
  return after.map(({ requests }, index) => requests - (before[index]?.requests ?? 0));
}
