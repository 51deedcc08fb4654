import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { ROOT, render } from './render.ts';

// `npm run test:chart -- -u` writes it anew.
it('manifests/install.yaml is what the chart renders, below a namespace of its own', async () => {
  const head = readFileSync(join(ROOT, 'test', 'helm', 'manifest-head.yaml'), 'utf8');
  const { text, errors } = render(inject('helm4'), {}, { arguments: ['--skip-tests'] });
  expect(errors).toBe('');
  await expect(`${head}${text}`).toMatchFileSnapshot(join(ROOT, 'manifests', 'install.yaml'));
});
