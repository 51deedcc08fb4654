import { createReviewer, type Judge } from '../../admission/handle.ts';
import { decide } from '../../pipeline/decide.ts';
import { decisionRecord, identifyRecord } from '../../pipeline/record.ts';
import { createApp } from '../../server/app.ts';
import type { Running } from './running.ts';

export const JUDGE: Judge = { decide, record: decisionRecord, identify: identifyRecord };

/** The two webhooks: each review is judged by the facts of its moment, answered, and recorded after its answer. */
export function createWebhooks({
  log,
  metrics,
  lifecycle,
  snapshots,
}: Running): ReturnType<typeof createApp> {
  const answer = createReviewer(JUDGE);
  return createApp({
    lifecycle,
    answer: (webhook, review) => {
      const arrival = { review, webhook, time: new Date().toISOString() };
      const outcome = answer(arrival, snapshots.factsFor(review.namespace));
      return {
        answer: outcome.answer,
        afterwards: (durationMicroseconds) => {
          const measured = { ...outcome.record, durationMicroseconds };
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
