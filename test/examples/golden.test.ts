import { describe, expect, it } from 'vitest';
import { judge, nameOf } from '../../src/commands/judge.ts';
import { runMutate } from '../../src/commands/mutate.ts';
import type { DecisionRecord } from '../../src/pipeline/types.ts';
import { memoryIo } from '../commands/memory-io.ts';
import { isRegistered } from '../demo/create-review.ts';
import { admit, EXAMPLE_FACTS, EXAMPLES, EXAMPLES_INVENTORY, type Example, patchOf } from './examples.ts';

/**
 * What is decided about every example: record, both answers, and the patched text. Read by a person when they change.
 * `node --run test:unit -- test/examples/golden.test.ts -u` writes them anew.
 */

/** Of the record what does not change with every edit of catalog, policy or version. */
function stable(record: DecisionRecord): unknown {
  const {
    decision,
    time,
    durationMicroseconds,
    policyHash,
    catalogVersion,
    vramgateVersion,
    inputs,
    ...rest
  } = record;
  return rest;
}

function goldenOf({ manifest }: Example): unknown {
  return manifest.objects.map((one) => {
    const checked = judge(one, EXAMPLE_FACTS);
    const { verdict, remedies } = checked.decision;
    const head = { line: one.line, object: nameOf(checked), verdict };
    if (!isRegistered(one.object)) return head;
    const { mutate, validate } = admit(one.object);
    const { uid, auditAnnotations, ...validated } = validate.answer.response;
    return {
      ...head,
      remedies: remedies.map(({ text }) => text),
      mutate: { allowed: mutate.answer.response.allowed, patch: patchOf(mutate) },
      validate: validated,
      record: stable(mutate.record),
    };
  });
}

async function mutatedText({ path }: Example): Promise<string> {
  const { io, text } = memoryIo();
  const code = await runMutate([path, '--inventory', EXAMPLES_INVENTORY], io);
  return `${text().replaceAll(path, path.slice(path.lastIndexOf('/') + 1))}# exit code ${code}\n`;
}

/** The digest of the author's inputs changes with what is counted among them. */
function withoutDigest(text: string): string {
  return text.replace(/\b[0-9a-f]{16}\b/g, '…');
}

describe('the examples', () => {
  it.each(EXAMPLES.map((one) => [one.name, one] as const))(
    '%s is decided as it was read',
    async (name, one) => {
      const golden = `${JSON.stringify(goldenOf(one), null, 2)}\n`;

      await expect(withoutDigest(golden)).toMatchFileSnapshot(`golden/${name}.decision.json`);
      await expect(withoutDigest(await mutatedText(one))).toMatchFileSnapshot(`golden/${name}.mutated.txt`);
    },
  );

  it('show every verdict', () => {
    const verdicts = EXAMPLES.flatMap(({ manifest }) =>
      manifest.objects.map((one) => judge(one, EXAMPLE_FACTS).decision.verdict),
    );

    expect([...new Set(verdicts)].sort()).toEqual(['allow', 'deny', 'ignore', 'patch', 'warn']);
  });
});
