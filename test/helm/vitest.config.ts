import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  test: {
    include: ['test/helm/*.test.ts'],
    globalSetup: ['test/helm/global-setup.ts'],
    pool: 'threads',
    testTimeout: 60_000,
  },
});
