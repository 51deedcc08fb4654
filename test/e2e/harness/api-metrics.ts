import type { Api } from './api.ts';

/** Counters of the API server about its webhooks (webhook-practice.md §1, fact 33). */
export interface WebhookCounters {
  /** Calls that ended with an answer or without one. */
  readonly requests: number;
  readonly rejections: number;
  readonly failedOpen: number;
}

function sum(text: string, metric: string, webhook: string): number {
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith(`${metric}{`) && line.includes(`name="${webhook}"`));
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
}

function countersIn(text: string, webhook: string): WebhookCounters {
  return {
    requests: sum(text, 'apiserver_admission_webhook_request_total', webhook),
    rejections: sum(text, 'apiserver_admission_webhook_rejection_count', webhook),
    failedOpen: sum(text, 'apiserver_admission_webhook_fail_open_count', webhook),
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
