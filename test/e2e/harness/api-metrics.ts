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

function sum(text: string, metric: string, ...labels: readonly string[]): number {
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith(`${metric}{`) && labels.every((label) => line.includes(label)));
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
}

function countersIn(text: string, webhook: string): WebhookCounters {
  const name = `name="${webhook}"`;
  const rejections = 'apiserver_admission_webhook_rejection_count';
  return {
    requests: sum(text, 'apiserver_admission_webhook_request_total', name),
    rejections: sum(text, rejections, name),
    failedClosed: sum(text, rejections, name, 'error_type="calling_webhook_error"'),
    failedOpen: sum(text, 'apiserver_admission_webhook_fail_open_count', name),
  };
}

/** Of one moment: the API server takes a tenth of a second to write its metrics down. */
export async function allCounters(
  api: Api,
  webhooks: readonly string[],
): Promise<readonly WebhookCounters[]> {
  const { text } = await api.call('/metrics');
  return webhooks.map((webhook) => countersIn(text, webhook));
}

export async function webhookCounters(api: Api, webhook: string): Promise<WebhookCounters> {
  return countersIn((await api.call('/metrics')).text, webhook);
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
