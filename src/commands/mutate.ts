import { createTwoFilesPatch } from 'diff';
import type { Facts } from '../pipeline/types.ts';
import { applyEdits } from '../plan/apply-edits.ts';
import { plain } from '../plan/message.ts';
import { loadFacts } from './facts.ts';
import { parseArguments } from './flags.ts';
import { EXIT, type Io, printable, UsageError } from './io.ts';
import { type Checked, judge, nameOf } from './judge.ts';
import { type Manifest, readManifests, tellUnreadable, type Unreadable } from './manifests/manifests.ts';
import { type Rewrite, rewrite } from './manifests/rewrite.ts';
import type { YamlText } from './manifests/yaml-text.ts';

export const MUTATE_USAGE = `usage: vramgate mutate [-f] FILE|DIR|- [[-f] …] [options]

Prints the manifests with the webhook's edits in them. Comments, order, quotes and every byte that is not meant stay.
A file in which an object is refused, or cannot be read, is not printed.

  -f, --filename FILE|DIR|-   manifests: YAML or JSON, several documents, lists; - is standard input
  --inventory FILE            kubectl get nodes[,pods -A] -o yaml, or declared shapes; without it GPUs are unknown
  --config FILE               the webhook's configuration
  --remedy N                  applies the Nth way out of a refused object first, as check numbers them
  --diff                      prints a unified diff instead

exit codes: 0 nothing refused, 3 something refused, 2 a document cannot be read, 1 a fault of vramgate
`;

export const MUTATE_OPTIONS = {
  filename: { type: 'string', short: 'f', multiple: true },
  inventory: { type: 'string' },
  config: { type: 'string' },
  remedy: { type: 'string' },
  diff: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** One file with the edits in it; `text` is null where an object of it is refused or cannot be read. */
interface Mutated {
  readonly file: string;
  readonly before: string;
  readonly text: string | null;
  readonly refused: readonly Checked[];
  readonly unreadable: readonly Unreadable[];
}

/** `vramgate mutate`: the webhook's edits, in the author's own text. */
export async function runMutate(argv: readonly string[], io: Io): Promise<number> {
  const { values, words } = parseArguments(argv, MUTATE_OPTIONS);
  if (values.help === true) {
    io.out(MUTATE_USAGE);
    return EXIT.fits;
  }
  const remedy = values.remedy === undefined ? null : remedyNumber(values.remedy);
  const facts = await loadFacts(values.config ?? null, values.inventory ?? null);
  const manifests = await readManifests([...(values.filename ?? []), ...words], io);
  const mutated = manifests.map((one) => mutateManifest(one, facts, remedy));
  for (const { refused, unreadable } of mutated) {
    tellUnreadable(unreadable, io);
    for (const one of refused) io.err(refusal(one, remedy));
  }
  const text = values.diff === true ? diffs(mutated) : joined(mutated);
  io.out(io.isTerminal ? printable(text) : text);
  if (mutated.some(({ unreadable }) => unreadable.length > 0)) return EXIT.usage;
  return mutated.some(({ refused }) => refused.length > 0) ? EXIT.doesNotFit : EXIT.fits;
}

function remedyNumber(text: string): number {
  if (/^[1-9]$/.test(text)) return Number(text);
  throw new UsageError(`--remedy ${plain(text)}: must be the number of a way out, from 1`);
}

function mutateManifest(manifest: Manifest, facts: Facts, remedy: number | null): Mutated {
  const { file, yaml, objects, unreadable } = manifest;
  const before = yaml?.text ?? '';
  const refused: Checked[] = [];
  const rewrites: Rewrite[] = [];
  for (const one of objects) {
    const checked = judge(one, facts);
    const object = mutatedObject(checked, facts, remedy);
    if (object === null) refused.push(checked);
    else rewrites.push({ document: one.document, at: one.at, object });
  }
  const isWhole = yaml !== null && refused.length + unreadable.length === 0;
  return { file, before, text: isWhole ? rewritten(file, yaml, rewrites) : null, refused, unreadable };
}

function rewritten(file: string, yaml: YamlText, rewrites: readonly Rewrite[]): string {
  try {
    return rewrite(yaml, rewrites);
  } catch (error) {
    throw new Error(`${plain(file)}: the edits cannot be written into its layout`, { cause: error });
  }
}

/** The object with its edits; with those of the chosen way out before them where it is refused. null: still refused. */
function mutatedObject({ manifest, decision }: Checked, facts: Facts, remedy: number | null): unknown {
  if (decision.allowed) return applyEdits(manifest.object, decision.edits);
  const chosen = remedy === null ? undefined : decision.remedies[remedy - 1];
  if (chosen === undefined) return null;
  const object = applyEdits(manifest.object, chosen.edits);
  const again = judge({ ...manifest, object }, facts);
  return again.decision.allowed ? applyEdits(object, again.decision.edits) : null;
}

function refusal(one: Checked, remedy: number | null): string {
  const { manifest, decision } = one;
  const [headline = ''] = decision.message.split('\n', 1);
  const lines = [`vramgate: ${manifest.file}:${manifest.line}: ${nameOf(one)} is refused: ${headline}`];
  if (remedy !== null) lines.push(`  there is no way out ${remedy}`);
  decision.remedies.forEach(({ text }, index) => {
    lines.push(`  --remedy ${index + 1}: ${text}`);
  });
  return `${lines.map(plain).join('\n')}\n`;
}

/** One stream of documents. */
function joined(mutated: readonly Mutated[]): string {
  let stream = '';
  for (const { text } of mutated) {
    if (text === null || text === '') continue;
    if (stream !== '' && !stream.endsWith('\n')) stream += '\n';
    if (stream !== '' && !/^---(?:\s|$)/m.test(text.slice(0, 4))) stream += '---\n';
    stream += text;
  }
  return stream;
}

function diffs(mutated: readonly Mutated[]): string {
  return mutated
    .filter(({ text, before }) => text !== null && text !== before)
    .map(({ file, text, before }) => diffOf(file === '-' ? 'stdin' : file, before, text ?? ''))
    .join('');
}

/** As `git apply` and `patch -p1` read it. */
function diffOf(file: string, before: string, after: string): string {
  const name = plain(file.replace(/^\/+/, ''));
  const text = createTwoFilesPatch(`a/${name}`, `b/${name}`, before, after);
  return text.replace(/^=+\n/, '');
}
