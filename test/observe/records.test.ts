import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { runAudit } from '../../src/commands/audit.ts';
import { EXIT } from '../../src/commands/io.ts';
import { inputsSchema } from '../../src/observe/inputs-schema.ts';
import { createLog } from '../../src/observe/logger.ts';
import { recordJsonSchema, recordSchema } from '../../src/observe/record-schema.ts';
import { MAX_INPUT_BYTES } from '../../src/pipeline/record-inputs.ts';
import type { DecisionRecord } from '../../src/pipeline/types.ts';
import type { NodeClass } from '../../src/plan/types.ts';
import {
  at,
  created,
  deployment,
  FACTS,
  FITS,
  handle,
  INCOMPLETE,
  MALFORMED,
  type Members,
  recorded,
  UNDERSIZED,
} from '../admission/subjects.ts';
import { memoryIo } from '../commands/memory-io.ts';
import { type LogLine, post, type Serving, startServing, until } from '../server/serving.ts';

const RECORDED = new URL('../fixtures/admission-reviews/', import.meta.url);
const FILES = readdirSync(RECORDED).filter((name) => name.endsWith('.json'));
const INVENTORY = new URL('../demo/inventory.yaml', import.meta.url).pathname;

/** The keys that pino puts around a record. */
function withoutEnvelope({ level: _level, msg: _msg, ...record }: LogLine): Members {
  return record;
}

describe('records of the real server over the 36 recorded requests', () => {
  let serving: Serving;
  const annotations = new Map<string, Members>();

  beforeAll(async () => {
    serving = await startServing({ flags: ['--inventory', INVENTORY] });
    for (const file of FILES) {
      const body = readFileSync(new URL(file, RECORDED));
      for (const webhook of ['mutate', 'validate']) {
        const { text } = await post(serving, `/${webhook}?timeout=5s`, body);
        const response = at(JSON.parse(text), 'response');
        annotations.set(`${response['uid']} ${webhook}`, at(response, 'auditAnnotations'));
      }
    }
    await until(() => (decisions().length === FILES.length * 2 ? true : null), 'all records');
  }, 120_000);

  afterAll(() => serving.stop());

  function decisions(): readonly Members[] {
    return serving.log().flatMap((line) => (line['msg'] === 'decision' ? [withoutEnvelope(line)] : []));
  }

  it('hold exactly the keys of the schema, all of them, each as the schema says', () => {
    const keys = Object.keys(recordSchema.shape).sort();

    expect(decisions()).toHaveLength(72);
    for (const record of decisions()) {
      expect(Object.keys(record).sort()).toEqual(keys);
      // Parsing keeps what it knows and drops the rest: equal means that nothing in `inputs` is unknown to it.
      expect(recordSchema.parse(record)).toEqual(record);
    }
  });

  it('keep the inputs of what was judged within 8 KiB, and no environment value or command line', () => {
    const judged = decisions().filter((record) => record['inputs'] !== null);
    const text = JSON.stringify(judged);

    expect(judged.length).toBeGreaterThan(0);
    for (const { inputs } of judged)
      expect(Buffer.byteLength(JSON.stringify(inputs))).toBeLessThanOrEqual(MAX_INPUT_BYTES);
    expect(text).not.toContain('--max-model-len');
    expect(text).not.toContain('HF_TOKEN');
  });

  it('are computed again to the same decisions, from the log alone', async () => {
    const log = serving.log().map((line) => `${JSON.stringify(line)}\n`);
    const { io, text } = memoryIo();
    async function* input(): AsyncGenerator<string> {
      yield* log;
    }

    expect(await runAudit(['--replay', '--strict'], { ...io, input })).toBe(EXIT.fits);
    expect(text()).toContain(' 0 differently, 0 cannot be computed again, ');
  });

  it('say the same as the audit annotations, whose keys and values are legal', () => {
    // kubernetes/apiserver pkg/admission/attributes.go: a qualified name without prefix, 63 characters at most.
    const legal = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
    for (const record of decisions()) {
      const found = annotations.get(`${record['uid']} ${record['webhook']}`);
      const { decision, policyHash, catalogVersion, verdict } = record;

      expect(found).toMatchObject({ decision, policy: policyHash, catalog: catalogVersion });
      expect(found?.['verdict']).toBe(record['webhook'] === 'validate' ? verdict : undefined);
      for (const [key, value] of Object.entries(found ?? {})) {
        expect(key).toMatch(legal);
        expect(typeof value).toBe('string');
      }
    }
  });
});

describe('audit annotations', () => {
  it('of /mutate are the same when it is called again on its own output', () => {
    const first = handle('mutate', created(INCOMPLETE));
    const again = handle('mutate', created(FITS));

    expect(first.answer.response.patch).toBeDefined();
    expect(again.answer.response.auditAnnotations).toEqual(first.answer.response.auditAnnotations);
    expect(Object.keys(first.answer.response.auditAnnotations ?? {}).sort()).toEqual([
      'catalog',
      'decision',
      'policy',
    ]);
  });

  it('of /validate add the verdict and each code once', () => {
    const { record, answer } = handle('validate', created(MALFORMED));

    expect(answer.response.auditAnnotations).toMatchObject({
      verdict: 'deny',
      codes: 'malformed-annotation',
      decision: record.decision,
    });
  });

  it('differ between the webhooks, and between requests', () => {
    const ids = [
      handle('mutate', created(FITS)),
      handle('validate', created(FITS)),
      handle('validate', created(FITS, { uid: 'uid-2' })),
    ].map(({ record }) => record.decision);

    expect(new Set(ids).size).toBe(3);
  });
});

// --- the document ------------------------------------------------------------------------------------------------

describe('docs/decision-record.md', () => {
  const text = readFileSync(new URL('../../docs/decision-record.md', import.meta.url), 'utf8');

  function rowsOf(properties: Members): readonly string[] {
    return Object.keys(properties).map((key) => `| \`${key}\` | ${at(properties, key)['description']} |`);
  }

  it('has every key of a record in the order of the schema, with its meaning', () => {
    const rows = rowsOf(at(recordJsonSchema(), 'properties')).join('\n');

    expect(text).toContain(`|---|---|\n${rows}\n\n`);
  });

  it('has every key of its inputs', () => {
    const properties = at(z.toJSONSchema(inputsSchema, { io: 'input' }), 'properties');

    expect(text).toContain(`|---|---|\n${rowsOf(properties).join('\n')}\n\n`);
  });

  it.each([
    'decision',
    'uid',
    'time',
    'webhook',
    'mode',
    'verdict',
    'operation',
    'subject',
    'dryRun',
    'model',
    'context',
    'quantization',
    'kvCacheDtype',
    'engine',
    'engineRecognisedBy',
    'bytesNeededPerGpu',
    'bytesAvailablePerGpu',
    'requestedGpus',
    'plannedGpus',
    'shape',
    'findings',
    'patchPaths',
    'policyHash',
    'catalogVersion',
    'durationMicroseconds',
    'inputs',
  ])('%s, which the contract (§5) lists, is required', (key) => {
    expect(recordJsonSchema()).toMatchObject({ required: expect.arrayContaining([key]) });
  });
});

// --- what is in a record -----------------------------------------------------------------------------------------

describe('GPUs of a record', () => {
  it('are what the author asked for and what was planned, of one replica', () => {
    expect(handle('mutate', created(FITS)).record).toMatchObject({ requestedGpus: 4, plannedGpus: 4 });
    expect(handle('mutate', created(INCOMPLETE)).record).toMatchObject({
      requestedGpus: null,
      plannedGpus: 2,
    });
  });

  it('need more bytes than there are exactly where a misfit is refused', () => {
    const fits = handle('validate', created(FITS)).record;
    const refused = handle('validate', created(UNDERSIZED)).record;

    expect(fits.bytesNeededPerGpu ?? 0).toBeLessThan(fits.bytesAvailablePerGpu ?? 0);
    expect(refused.bytesNeededPerGpu ?? 0).toBeGreaterThan(refused.bytesAvailablePerGpu ?? 0);
  });
});

/** A hundred thousand characters, and every kind of character that a terminal or a parser may trip over. */
const EVIL = `"}\n{"verdict":"allow"}\u001b[2J\u009b31m\u2028\u202e\u0000${'x'.repeat(100_000)}`;

function lineOf(record: DecisionRecord): string {
  let text = '';
  const sink = {
    write: (line: string) => {
      text += line;
    },
  };
  createLog({ level: 'info', sink }).decision(record);
  return text;
}

describe('hostile texts', () => {
  const object = deployment({ ...FITS, annotations: { ...FITS.annotations, [`vramgate.io/${EVIL}`]: EVIL } });
  at(object, 'metadata')['name'] = EVIL;
  at(object, 'spec', 'template', 'spec', 'containers', 0)['image'] = `vllm/vllm-openai:v0.11.0${EVIL}`;
  const body = created(FITS, {
    object,
    name: EVIL.slice(0, 253),
    uid: 'uid-evil',
    userInfo: { username: EVIL.slice(0, 1024), groups: [] },
  });
  const { record } = handle('validate', body);
  const line = lineOf(record);

  it('leave one line of JSON that shows nothing on a terminal but itself', () => {
    expect(line.split('\n')).toHaveLength(2);
    expect(JSON.parse(line)).toMatchObject({ uid: 'uid-evil', msg: 'decision' });
    expect(line.trimEnd()).toMatch(/^[\u0020-\u007e…]+$/);
  });

  it('are bounded, and outside of subject and inputs hold no quote, brace or escape', () => {
    const { subject, inputs, ...rest } = record;

    expect(line.length).toBeLessThan(64 * 1024);
    expect(subject.user).toHaveLength(256);
    expect(inputs).not.toBeNull();
    const texts = JSON.stringify(rest).match(/"(?:[^"\\]|\\.)*"/g) ?? [];
    for (const text of texts) expect(text.slice(1, -1)).not.toMatch(/[\\{}<>'`$]/);
  });
});

describe('inputs that would be larger than 8 KiB', () => {
  function classes(count: number): readonly NodeClass[] {
    const { inventory } = FACTS;
    const [first] = inventory.state === 'known' ? inventory.classes : [];
    if (first === undefined) throw new Error('no class of nodes');
    return Array.from({ length: count }, (_, index) => ({
      ...first,
      id: `${first.id} (${index})`,
      taints: [{ key: 'team', value: String(index), effect: 'NoSchedule' }],
    }));
  }

  it('say what was left out, and how large the whole was', () => {
    const inventory = { state: 'known', classes: classes(200), ageSeconds: 0 } as const;
    const { record } = handle('validate', created(FITS), { ...FACTS, inventory });

    expect(record.inputs?.truncated?.without).toEqual(['shapes']);
    expect(record.inputs?.truncated?.bytes).toBeGreaterThan(MAX_INPUT_BYTES);
    expect(Buffer.byteLength(JSON.stringify(record.inputs))).toBeLessThanOrEqual(MAX_INPUT_BYTES);
    expect(record.inputs?.units).toHaveLength(1);
  });

  it('are complete again where classes that are alike become one', () => {
    const alike = classes(200).map((one) => ({ ...one, taints: [] }));
    const inventory = { state: 'known', classes: alike, ageSeconds: 0 } as const;
    const { record } = handle('validate', created(FITS), { ...FACTS, inventory });

    expect(record.inputs?.truncated).toBeNull();
    expect(record.inputs?.inventory).toMatchObject({ shapes: [{ nodes: 400 }] });
  });

  it.each(['\u001f', '\ud800', '€', 'x'])(
    'are cut at the limit and not before, whatever %j takes as JSON',
    (letter) => {
      const most = MAX_INPUT_BYTES / Buffer.byteLength(JSON.stringify(letter).slice(1, -1));
      const seen = new Set<boolean>();
      for (let less = 0; less < most / 2; less += 5) {
        const value = letter.repeat(most - less);
        const { record } = handle('validate', created({ ...FITS, nodeSelector: { key: value } }));
        const truncated = record.inputs?.truncated ?? null;
        const size = truncated?.bytes ?? Buffer.byteLength(JSON.stringify(record.inputs));

        expect(size > MAX_INPUT_BYTES).toBe(truncated !== null);
        seen.add(truncated !== null);
      }
      expect(seen.size).toBe(2);
    },
  );

  it('of a pod with thousands of selectors hold none of them, and say so', () => {
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`key-${index}`, 'x']));
    const { record } = handle('validate', created({ ...FITS, nodeSelector: many }));

    expect(record.inputs?.truncated?.without).toContain('units');
    expect(Buffer.byteLength(JSON.stringify(record.inputs))).toBeLessThanOrEqual(MAX_INPUT_BYTES);
  });
});

describe('a request that is never judged', () => {
  it('is recorded without inputs', () => {
    const body = recorded('03-scale.user.update.scale-scale.json');

    expect(handle('validate', body).record).toMatchObject({ verdict: 'ignore', allowed: true, inputs: null });
  });
});
