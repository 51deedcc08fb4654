import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { MINORS } from './harness/recipes.ts';
import { givenAssets } from './harness/tools.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

// A folder of the operator's holds the programs of one version, which need not be one of ours.
const assets = givenAssets();
const minors = assets === null ? MINORS : MINORS.slice(0, 1);

export default defineConfig({
  root: ROOT,
  test: {
    // Every file has a control plane of its own and spends a third of its time waiting for somebody's clock.
    maxWorkers: availableParallelism() + 1,
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
