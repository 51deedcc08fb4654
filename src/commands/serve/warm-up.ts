import { setImmediate as nextTurn } from 'node:timers/promises';
import { createReviewer } from '../../admission/handle.ts';
import type { Review } from '../../admission/review.ts';
import { JUDGE } from './answering.ts';
import { messageOf, type Running } from './running.ts';

/**
 * The first decisions of a process run code that is not compiled yet and took up to a second on a busy machine, half of
 * what a webhook is given. They are made here, about a workload that nobody sent. Both webhooks admit it once before the
 * process is ready, which brings an admission from 40 ms to 5. Refusals, which run the most code, and further rounds come
 * after that, one decision in a turn of the event loop: a caller then waits for one of them at most.
 */
const FITS = 8192;
const TOO_MUCH = 4_000_000;
/** Another context each time, or the answer would be remembered. */
const BEFORE_READY = [FITS];
const WHEN_READY = [TOO_MUCH, FITS + 1, TOO_MUCH + 1];

type Warming = Pick<Running, 'log' | 'snapshots'>;

function decisions({ log, snapshots }: Warming, contexts: readonly number[]): readonly (() => void)[] {
  const answer = createReviewer(JUDGE);
  const time = new Date(0).toISOString();
  return contexts.flatMap((context) =>
    (['mutate', 'validate'] as const).map((webhook) => () => {
      try {
        answer({ review: reviewOf(context), webhook, time }, snapshots.factsFor(null));
      } catch (error) {
        log.warn('warm-up failed', { error: messageOf(error) });
      }
    }),
  );
}

export function warmUp(running: Warming): void {
  for (const decide of decisions(running, BEFORE_READY)) decide();
}

/** Ends early when the process is asked to end. */
export async function warmUpFurther(running: Warming & Pick<Running, 'lifecycle'>): Promise<void> {
  for (const decide of decisions(running, WHEN_READY)) {
    await nextTurn();
    if (running.lifecycle.stage() !== 'ready') return;
    decide();
  }
}

function reviewOf(context: number): Review {
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'warm-up', namespace: 'warm-up', annotations: { 'vramgate.io/model': 'scout' } },
    spec: {
      selector: { matchLabels: { app: 'warm-up' } },
      template: {
        metadata: { labels: { app: 'warm-up' } },
        spec: {
          containers: [
            {
              name: 'server',
              image: 'vllm/vllm-openai:v0.11.0',
              args: ['--model=meta-llama/Llama-4-Scout-17B-16E-Instruct', `--max-model-len=${context}`],
              resources: { limits: { 'nvidia.com/gpu': '8' } },
            },
          ],
        },
      },
    },
  };
  return {
    uid: 'warm-up',
    operation: 'CREATE',
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    subResource: null,
    name: 'warm-up',
    namespace: 'warm-up',
    user: { username: 'warm-up', groups: [] },
    dryRun: true,
    object,
    oldObject: null,
    isReduced: false,
    content: null,
  };
}
