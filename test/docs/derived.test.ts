import { describe, expect, it } from 'vitest';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { configurationPage, findingsPage } from './derived.ts';

// `npm run test:unit -- test/docs -u` writes both anew.
describe('docs/', () => {
  it('findings.md lists the codes of the source', async () => {
    await expect(findingsPage()).toMatchFileSnapshot('../../docs/findings.md');
  });

  it('configuration.md lists the keys of the schema', async () => {
    await expect(configurationPage(configJsonSchema())).toMatchFileSnapshot('../../docs/configuration.md');
  });
});
