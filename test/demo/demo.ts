import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyPatch } from 'rfc6902';
import { readText } from '../../src/commands/manifests/manifests.ts';
import { createReview, isRegistered, objectName } from './create-review.ts';
import { EXPECTED } from './expected.ts';
import { at, isMembers, type Members } from './members.ts';
import { startWebhook, type Webhook } from './webhook.ts';

/**
 * `npm run demo`: the built webhook on loopback over HTTPS, asked about every object of manifests/examples as the API
 * server asks: /mutate first, /validate about what that left. Exits 0 only if every verdict is the expected one.
 */

const ROOT = new URL('../../', import.meta.url).pathname;
const INVENTORY = join(ROOT, 'manifests/inventory.yaml');
const EXAMPLES = join(ROOT, 'manifests/examples');
const LIMIT_MS = 120_000;
const GIB = 1024 ** 3;

interface Item {
  readonly file: string;
  readonly object: unknown;
}

function examples(): readonly Item[] {
  const files = readdirSync(EXAMPLES).sort();
  return files.flatMap((file) =>
    readText(file, readFileSync(join(EXAMPLES, file), 'utf8')).objects.map(({ object }) => ({
      file,
      object,
    })),
  );
}

/** `check` over the same files: the bills to print, and the verdicts that the webhook must give too. */
function checkElements(): ReadonlyMap<string, Members> {
  const argv = ['dist/vramgate.mjs', 'check', EXAMPLES, '--inventory', INVENTORY, '-o', 'json'];
  const { stdout } = spawnSync(process.execPath, argv, { cwd: ROOT, encoding: 'utf8', timeout: 60_000 });
  const parsed: unknown = JSON.parse(stdout);
  const elements: readonly unknown[] = Array.isArray(parsed) ? parsed : [];
  return new Map(
    elements.filter(isMembers).map((one) => {
      const namespace = one['namespace'] === null ? '' : `${one['namespace']}/`;
      return [`${one['kind']} ${namespace}${one['name']}`, one];
    }),
  );
}

/** rfc6902 types its operations; what came over the wire is checked by it, member by member. */
function patched(object: unknown, patch: readonly Members[]): unknown {
  const copy: unknown = structuredClone(object);
  const operations: Parameters<typeof applyPatch>[1] = JSON.parse(JSON.stringify(patch));
  if (applyPatch(copy, operations).some((error) => error !== null))
    throw new Error('the patch does not apply');
  return copy;
}

function patchOf(reply: unknown): readonly Members[] {
  const encoded = at(reply, 'response', 'patch');
  const parsed: unknown =
    typeof encoded === 'string' ? JSON.parse(Buffer.from(encoded, 'base64').toString()) : [];
  return Array.isArray(parsed) ? parsed.filter(isMembers) : [];
}

async function review(webhook: Webhook, path: string, body: unknown): Promise<unknown> {
  const reply = await webhook.post(path, JSON.stringify(body));
  if (reply.status !== 200) throw new Error(`${path} answered HTTP ${reply.status}: ${reply.text}`);
  const parsed: unknown = JSON.parse(reply.text);
  return parsed;
}

interface Told {
  readonly verdict: string;
  readonly patch: readonly Members[];
  readonly validated: unknown;
  readonly record: Members | null;
}

async function ask(webhook: Webhook, object: unknown, uid: string): Promise<Told> {
  const mutated = await review(webhook, '/mutate', createReview(object, uid));
  const patch = patchOf(mutated);
  const validated = await review(webhook, '/validate', createReview(patched(object, patch), uid));
  const record = await webhook.record(uid, 'mutate');
  const isAllowed = at(validated, 'response', 'allowed') === true;
  const verdict = isAllowed ? String(record?.['verdict']) : 'deny';
  return { verdict, patch, validated, record };
}

async function runItem(
  webhook: Webhook,
  item: Item,
  element: Members | undefined,
  index: number,
): Promise<boolean> {
  const name = objectName(item.object);
  const want = EXPECTED.get(name);
  const uid = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
  const told = isRegistered(item.object) ? await ask(webhook, item.object, uid) : null;
  // What the API server does not send, `check` still reads.
  const verdict = told === null ? String(element?.['verdict']) : told.verdict;
  const isExpected =
    verdict === (want ?? 'ignore') &&
    verdict === element?.['verdict'] &&
    (told === null || told.record !== null);
  console.log(`\n── ${item.file}: ${name}`);
  console.log(
    `   verdict  ${verdict} ${isExpected ? '' : `NOT AS EXPECTED: ${want}, check says ${element?.['verdict']}`}`,
  );
  const bill = billLine(at(element, 'size'));
  if (bill !== null) console.log(`   bill     ${bill}`);
  if (told === null) console.log('   not sent to the webhook: it is not registered for this kind');
  else print(told);
  return isExpected;
}

function print({ patch, validated, record }: Told): void {
  for (const { op, path, value } of patch) {
    const isOurs = String(path).endsWith('vramgate.io~1applied');
    console.log(
      `   patch    ${op} ${path} ${isOurs ? '(what was set, and from what)' : JSON.stringify(value)}`,
    );
  }
  const warnings = at(validated, 'response', 'warnings');
  for (const warning of Array.isArray(warnings) ? warnings : []) console.log(`   warning  ${warning}`);
  const message = at(validated, 'response', 'status', 'message');
  if (typeof message === 'string') console.log(message.replace(/^/gm, '   | '));
  const { inputs, ...line } = record ?? {};
  console.log(`   log      ${JSON.stringify(line)}`);
  if (isMembers(inputs))
    console.log(`            inputs: ${JSON.stringify(inputs).length} bytes, enough to decide again`);
}

const LINES: readonly (readonly [string, string])[] = [
  ['weights', 'weights'],
  ['kvCache', 'KV cache'],
  ['activations', 'activations'],
  ['ropeTable', 'RoPE table'],
  ['runtime', 'runtime'],
  ['graphs', 'CUDA graphs'],
  ['engineTables', 'engine tables'],
];

function gib(value: unknown): string {
  return (Number(value) / GIB).toFixed(1);
}

function billLine(size: unknown): string | null {
  const total = at(size, 'perGpu', 'total');
  if (typeof total !== 'number') return null;
  const items = LINES.map(([key, name]) => `${name} ${gib(at(size, 'perGpu', key))}`).join(' + ');
  const gpu = at(size, 'fit', 'gpu');
  const have = gpu === undefined ? '' : `, ${gpu} has ${gib(at(size, 'fit', 'usableBytes'))}`;
  return `${items} = ${gib(total)} GiB per GPU${have}`;
}

/** What is no review at all: the answers of the contract (§5). */
async function runBroken(webhook: Webhook): Promise<boolean> {
  const body = JSON.stringify(createReview({ apiVersion: 'v1', kind: 'Pod' }, 'x'));
  const wrongType = await webhook.post('/validate', body, 'text/yaml');
  const broken = await webhook.post('/validate', body.slice(0, 100));
  console.log('\n── no review at all');
  console.log(`   wrong content type: HTTP ${wrongType.status} ${wrongType.text.trim()}`);
  console.log(`   broken JSON:        HTTP ${broken.status} ${broken.text.trim()}`);
  return wrongType.status === 400 && broken.status === 400;
}

function tell(bad: readonly string[], count: number): void {
  const verdict =
    bad.length === 0 ? `all ${count} verdicts are the expected ones` : `NOT as expected: ${bad.join(', ')}`;
  console.log(`\n${verdict}\n`);
  console.log(
    'Try your own manifest, over the same nodes or over yours (kubectl get nodes -o yaml > nodes.yaml):',
  );
  console.log('  export PATH="$PWD/node_modules/.bin:$PATH"');
  console.log('  node dist/vramgate.mjs check FILE --inventory manifests/inventory.yaml');
  console.log('  node dist/vramgate.mjs mutate FILE --inventory manifests/inventory.yaml --diff');
}

async function main(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'vramgate-demo-'));
  let webhook: Webhook | null = null;
  try {
    const elements = checkElements();
    webhook = await startWebhook(ROOT, folder, INVENTORY);
    console.log(`vramgate serves on https://127.0.0.1:${webhook.port} with a throwaway certificate`);
    const items = examples().filter(({ object }) => EXPECTED.has(objectName(object)) || isRegistered(object));
    const bad: string[] = [];
    for (const [index, item] of items.entries()) {
      const name = objectName(item.object);
      if (!(await runItem(webhook, item, elements.get(name), index))) bad.push(name);
    }
    const isComplete = items.length === EXPECTED.size;
    if (!isComplete) bad.push(`${items.length} objects instead of ${EXPECTED.size}`);
    if (!(await runBroken(webhook))) bad.push('what is no review');
    tell(bad, items.length);
    return bad.length === 0;
  } finally {
    await webhook?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

setTimeout(() => {
  console.error('the demo took too long');
  process.exit(1);
}, LIMIT_MS).unref();
process.exitCode = (await main()) ? 0 : 1;
