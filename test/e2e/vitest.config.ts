import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { givenAssets, MINORS } from './harness/tools.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

// The newest one; the older joins when its programs have been built and run.
const minors = MINORS.slice(0, 1);

export default defineConfig({
  root: ROOT,
  test: {
    // Every file has a control plane of its own, and two cores are enough for one at a time.
    fileParallelism: false,
    maxWorkers: 1,
    // In a shell with colours kubectl's output would still be plain; the messages of this suite should be too.
    env: { NO_COLOR: '1' },
    projects: minors.map((minor) => ({
      extends: true as const,
      test: {
        name: givenAssets() === null ? `kubernetes-${minor}` : 'kubebuilder-assets',
        include: ['test/e2e/cases/*.test.ts'],
        pool: 'forks' as const,
        testTimeout: 120_000,
        hookTimeout: 300_000,
        provide: { minor },
      },
    })),
  },
});
