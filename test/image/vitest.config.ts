import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  test: {
    include: ['test/image/*.test.ts'],
    pool: 'forks',
    // Under emulation a start takes 5 s on a quiet machine.
    testTimeout: 3 * 60_000,
    // Installing buildah, making two root file systems and running the Dockerfile, on a slow machine.
    hookTimeout: 20 * 60_000,
  },
});
