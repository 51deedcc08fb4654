import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { MINORS } from './harness/recipes.ts';
import { givenAssets } from './harness/tools.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

// A folder of the operator's holds the programs of one version, which need not be one of ours.
const assets = givenAssets();
const minors = assets === null ? MINORS : MINORS.slice(0, 1);

/** What takes longest comes first, or the last minute belongs to one file alone. */
const LONG = ['matching-modes-examples', 'faults', 'updates', 'install', 'scale'];

function turnOf({ moduleId }: TestSpecification): number {
  const turn = LONG.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
  return turn < 0 ? LONG.length : turn;
}

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((one, other) => turnOf(one) - turnOf(other));
  }
}

export default defineConfig({
  root: ROOT,
  test: {
    // Every file has a control plane of its own and spends a third of its time waiting for somebody's clock.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    // In a shell with colours kubectl's output would still be plain; the messages of this suite should be too.
    env: { NO_COLOR: '1' },
    projects: minors.map((minor) => ({
      extends: true as const,
      test: {
        name: assets === null ? `kubernetes-${minor}` : 'kubebuilder-assets',
        include: ['test/e2e/cases/*.test.ts'],
        globalSetup: ['test/e2e/global-setup.ts'],
        pool: 'forks' as const,
        testTimeout: 120_000,
        hookTimeout: 300_000,
        provide: { minor },
      },
    })),
  },
});
