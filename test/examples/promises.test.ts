import { describe, expect, it } from 'vitest';
import { applyPatch, lowerEdits } from '../../src/admission/json-patch.ts';
import { runCheck } from '../../src/commands/check.ts';
import { EXIT } from '../../src/commands/io.ts';
import { judge } from '../../src/commands/judge.ts';
import { runMutate } from '../../src/commands/mutate.ts';
import { memoryIo } from '../commands/memory-io.ts';
import { isRegistered } from '../demo/create-review.ts';
import {
  admit,
  EXAMPLE_FACTS,
  EXAMPLE_OBJECTS,
  EXAMPLES,
  EXAMPLES_INVENTORY,
  patchOf,
  titleOf,
} from './examples.ts';

const JUDGED = EXAMPLE_OBJECTS.map((one) => ({ one, decision: judge(one, EXAMPLE_FACTS).decision }));
const REFUSED = JUDGED.filter(({ decision }) => !decision.allowed);

async function mutated(argv: readonly string[], stdin = ''): Promise<{ code: number; out: string }> {
  const { io, out } = memoryIo({ stdin: async () => stdin });
  const code = await runMutate([...argv, '--inventory', EXAMPLES_INVENTORY], io);
  return { code, out: out() };
}

async function checkCode(text: string): Promise<number> {
  const { io } = memoryIo({ stdin: async () => text });
  return runCheck(['-', '--inventory', EXAMPLES_INVENTORY], io);
}

describe('every way out of every refused example', () => {
  it.each(REFUSED.map(({ one, decision }) => [titleOf(one), one.object, decision] as const))(
    '%s: applied by machine, makes the object admitted',
    (_, object, decision) => {
      for (const { text, edits } of decision.remedies) {
        const changed = applyPatch(object, lowerEdits(object, edits));

        expect(admit(changed).validate.answer.response.allowed, text).toBe(true);
      }
    },
  );

  it('each of them has one', () => {
    const helpless = REFUSED.filter(({ decision }) => decision.remedies.length === 0);

    expect(helpless.map(({ one }) => titleOf(one))).toEqual([]);
  });
});

describe('mutate over every example', () => {
  it.each(EXAMPLES.map((one) => [one.name, one] as const))(
    '%s: once is enough, and is admitted',
    async (_, one) => {
      const first = await mutated([one.path]);
      if (first.code === EXIT.doesNotFit) {
        expect(first.out).toBe('');
        return;
      }
      const again = await mutated(['-'], first.out);

      expect(again).toEqual(first);
      expect(await checkCode(first.out)).toBe(EXIT.fits);
    },
  );

  it.each(
    REFUSED.filter(({ decision }) => decision.remedies.length > 0).map(
      ({ one }) => [titleOf(one), one] as const,
    ),
  )('%s: --remedy 1 is enough', async (_, one) => {
    const { path } = EXAMPLES.find(({ name }) => name === one.file) ?? { path: '' };
    const { code, out } = await mutated([path, '--remedy', '1']);
    const others = REFUSED.filter(
      (other) => other.one.file === one.file && other.decision.remedies.length === 0,
    );
    if (others.length > 0) {
      expect([code, out]).toEqual([EXIT.doesNotFit, '']);
      return;
    }

    expect(code).toBe(EXIT.fits);
    expect(await checkCode(out)).toBe(EXIT.fits);
    expect((await mutated(['-'], out)).out).toBe(out);
  });
});

describe('one object, two doors', () => {
  const registered = EXAMPLE_OBJECTS.filter(({ object }) => isRegistered(object));

  it.each(registered.map((one) => [titleOf(one), one] as const))(
    '%s: check and the webhook write the same record, byte for byte, but for what only a request has',
    async (_, one) => {
      const { io, out } = memoryIo({ stdin: async () => JSON.stringify(one.object) });
      await runCheck(['-', '--inventory', EXAMPLES_INVENTORY, '--records'], io);

      // What is edited reaches /validate as another object; /mutate never refuses, and its record says so.
      const { mutate, validate } = admit(one.object);
      const { record } = patchOf(mutate).length > 0 ? mutate : validate;

      expect(withoutRequest(out())).toBe(withoutRequest(JSON.stringify(record)));
    },
  );
});

/** The record's text without uid and decision id, time, webhook, user and duration. */
function withoutRequest(line: string): string {
  return line
    .trimEnd()
    .replace(/"(?:decision|uid|time|webhook|user)":(?:"[^"]*"|null),?/g, '')
    .replace(/"durationMicroseconds":\d+,/, '')
    .replaceAll(',}', '}');
}
