import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from './api.ts';
import { fittingScout, type Manifest, undersizedScout } from './manifests.ts';

/** Steady creates (dry runs: nothing is stored, the webhooks are called all the same) while something happens. */

interface Probe {
  readonly manifest: Manifest;
  readonly status: number;
}

const FITTING: Probe = {
  manifest: fittingScout('load-fits'),
  status: 201,
};

const UNDERSIZED: Probe = {
  manifest: undersizedScout({ name: 'load-refused' }),
  status: 403,
};

export interface Answer {
  readonly expected: number;
  /** 0: the API server itself gave no answer. */
  readonly status: number;
  readonly text: string;
  readonly milliseconds: number;
}

const PATH = '/apis/apps/v1/namespaces/default/deployments?dryRun=All';

async function ask(api: Api, { manifest, status: expected }: Probe): Promise<Answer> {
  const start = performance.now();
  const took = () => performance.now() - start;
  try {
    const { status, text } = await api.call(PATH, { method: 'POST', body: manifest });
    return { expected, status, text: status === 201 ? '' : text, milliseconds: took() };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { expected, status: 0, text, milliseconds: took() };
  }
}

export const askFitting = (api: Api): Promise<Answer> => ask(api, FITTING);
export const askUndersized = (api: Api): Promise<Answer> => ask(api, UNDERSIZED);

/** Answers that are not the expected ones. */
export function wrongOf(answers: readonly Answer[]): readonly Answer[] {
  return answers.filter(({ expected, status }) => expected !== status);
}

const PARALLEL = 4;
// Some fifty calls a second: steady, and two cores have room left for the thing that happens.
const PAUSE_MS = 100;

/** Runs `work` while `PARALLEL` clients create what fits and what does not, one after the other. */
export async function underLoad(api: Api, work: () => Promise<void>): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  let isOver = false;
  const client = async (): Promise<void> => {
    while (!isOver) {
      answers.push(await askFitting(api));
      answers.push(await askUndersized(api));
      await delay(PAUSE_MS);
    }
  };
  const clients = Array.from({ length: PARALLEL }, client);
  try {
    await work();
  } finally {
    isOver = true;
    await Promise.all(clients);
  }
  return answers;
}
