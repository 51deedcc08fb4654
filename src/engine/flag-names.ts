import type { FlagSpec, Grammar } from './flags.ts';

/** What the spelling of a flag means to an engine. */
export type NameMatch =
  | {
      readonly kind: 'known';
      readonly spec: FlagSpec;
      readonly key: string | null;
      readonly isNegated: boolean;
    }
  /** The engine refuses the spelling; what its author means is evident. */
  | { readonly kind: 'refused'; readonly spec: FlagSpec; readonly hint: string }
  /** A beginning that several flags share. */
  | { readonly kind: 'ambiguous'; readonly specs: readonly FlagSpec[]; readonly names: readonly string[] }
  | { readonly kind: 'other'; readonly takesValue: boolean };

/** Names of one grammar, prepared once. */
export interface NameIndex {
  readonly grammar: Grammar;
  readonly exact: ReadonlyMap<string, FlagSpec>;
  readonly negated: ReadonlyMap<string, FlagSpec>;
  readonly switches: ReadonlySet<string>;
  /** Every long name, sorted: what argparse compares a beginning with. */
  readonly longNames: readonly string[];
}

/** Grammars are constants of their engines, so each is indexed once. */
const indexes = new WeakMap<Grammar, NameIndex>();

export function indexNames(grammar: Grammar): NameIndex {
  const known = indexes.get(grammar);
  if (known !== undefined) return known;
  const index = buildIndex(grammar);
  indexes.set(grammar, index);
  return index;
}

function buildIndex(grammar: Grammar): NameIndex {
  const exact = new Map<string, FlagSpec>();
  const negated = new Map<string, FlagSpec>();
  for (const spec of grammar.specs) {
    for (const name of spec.names) {
      exact.set(name, spec);
      if (grammar.hasNegation && spec.arity === 'switch' && name.startsWith('--')) {
        negated.set(`--no-${name.slice(2)}`, spec);
      }
    }
  }
  const names = [...exact.keys(), ...negated.keys(), ...grammar.otherSwitches, ...grammar.otherNames];
  const longNames = [...new Set(names.filter((name) => name.startsWith('--')))].sort();
  return { grammar, exact, negated, switches: new Set(grammar.otherSwitches), longNames };
}

export function matchName(index: NameIndex, written: string): NameMatch {
  const { name, key } = splitKey(index.grammar, written);
  return (
    exactMatch(index, name, key) ??
    refusedMatch(index, name) ??
    prefixMatch(index, name, key) ??
    miss(index, name)
  );
}

interface NameParts {
  readonly name: string;
  readonly key: string | null;
}

/** vLLM folds underscores in the name only, up to the first dot; `--key+=a` appends to a list. */
function splitKey(grammar: Grammar, written: string): NameParts {
  const dot = grammar.takesDottedKeys ? written.indexOf('.') : -1;
  const name = withoutPlus(dot === -1 ? written : written.slice(0, dot));
  const key = dot === -1 ? null : written.slice(dot + 1);
  const folds = grammar.underscores === 'folded' && name.startsWith('--');
  return { name: folds && name.includes('_') ? name.replaceAll('_', '-') : name, key };
}

function withoutPlus(name: string): string {
  return name.endsWith('+') ? name.slice(0, -1) : name;
}

function exactMatch(index: NameIndex, name: string, key: string | null): NameMatch | null {
  const spec = index.exact.get(name);
  if (spec !== undefined) return { kind: 'known', spec, key, isNegated: false };
  const twin = index.negated.get(name);
  if (twin !== undefined) return { kind: 'known', spec: twin, key, isNegated: true };
  if (index.switches.has(name)) return { kind: 'other', takesValue: false };
  return index.grammar.otherNames.includes(name) ? { kind: 'other', takesValue: true } : null;
}

function refusedMatch(index: NameIndex, name: string): NameMatch | null {
  const meant = index.grammar.refused.get(name) ?? otherSpelling(index, name);
  const spec = meant === undefined ? undefined : index.exact.get(meant);
  return spec === undefined ? null : { kind: 'refused', spec, hint: `write ${meant}` };
}

/** The same name with dashes for underscores or the other way round, where the engine makes a difference. */
function otherSpelling(index: NameIndex, name: string): string | undefined {
  const body = name.slice(2);
  return [`--${body.replaceAll('_', '-')}`, `--${body.replaceAll('-', '_')}`].find(
    (spelling) => spelling !== name && name.startsWith('--') && index.exact.has(spelling),
  );
}

function prefixMatch(index: NameIndex, name: string, key: string | null): NameMatch | null {
  if (!index.grammar.takesPrefixes || !name.startsWith('--') || name.length < 4) return null;
  const names = index.longNames.filter((candidate) => candidate.startsWith(name));
  const [only] = names;
  if (only === undefined) return null;
  if (names.length === 1) return exactMatch(index, only, key);
  const specs = names.map((one) => index.exact.get(one) ?? index.negated.get(one));
  const [first] = specs;
  const isOneFlag = first !== undefined && specs.every((spec) => spec === first);
  if (isOneFlag) return exactMatch(index, only, key);
  return { kind: 'ambiguous', specs: [...new Set(specs.filter((spec) => spec !== undefined))], names };
}

/** A flag that we do not know: of a newer release, perhaps. A bare word after it is taken for its value. */
function miss(index: NameIndex, name: string): NameMatch {
  return { kind: 'other', takesValue: !index.switches.has(name) };
}
