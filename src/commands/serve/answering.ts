import { handleReview, type Judge } from '../../admission/handle.ts';
import { decide } from '../../pipeline/decide.ts';
import { decisionRecord } from '../../pipeline/record.ts';
import { createApp } from '../../server/app.ts';
import type { Running } from './running.ts';

const JUDGE: Judge = { decide, record: decisionRecord };

/** The two webhooks: each review is judged by the facts of its moment, answered, and recorded after its answer. */
export function createWebhooks({
  log,
  metrics,
  lifecycle,
  snapshots,
}: Running): ReturnType<typeof createApp> {
  return createApp({
    lifecycle,
    answer: (webhook, review) => {
      const arrival = { review, webhook, time: new Date().toISOString() };
      const { answer, record } = handleReview(arrival, snapshots.factsFor(review.namespace), JUDGE);
      return {
        answer,
        afterwards: (durationMicroseconds) => {
          const measured = { ...record, durationMicroseconds };
          log.decision(measured);
          metrics.decided(measured);
        },
      };
    },
    failed: (failure, detail, error) => {
      metrics.failed(failure);
      const text = error instanceof Error ? (error.stack ?? error.message) : null;
      log.warn('request without verdict', { failure, detail, error: text });
    },
    entered: metrics.entered,
    left: metrics.left,
  });
}
