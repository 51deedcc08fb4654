import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { catalogForVite } from '../src/build/catalog-plugin.ts';
import { versionDefine } from '../src/build/version.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

export default defineConfig({
  root: ROOT,
  plugins: [catalogForVite()],
  define: { ...versionDefine(ROOT) },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', 'test/helm/**', 'test/image/**'],
    pool: 'threads',
    testTimeout: 20_000,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/build/**', 'src/**/*.d.ts'],
      reporter: ['text-summary', 'html'],
      reportsDirectory: 'coverage',
    },
  },
});
