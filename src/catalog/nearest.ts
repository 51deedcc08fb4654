/** Longer than any name we hold: a paste, not a typo. */
const MAX_LENGTH = 128;

type Row = readonly number[];

/** The two rows that the next one looks back to. */
interface Rows {
  readonly previous: Row;
  readonly beforePrevious: Row;
}

/** One row of the matrix of distances between all beginnings; a swap of two letters looks two rows back. */
function nextRow(source: string, target: string, at: number, rows: Rows): number[] {
  const { previous, beforePrevious } = rows;
  const row = [at];
  for (let column = 1; column <= target.length; column++) {
    const isSame = source[at - 1] === target[column - 1];
    const substitution = (previous[column - 1] ?? 0) + (isSame ? 0 : 1);
    const insertion = (row[column - 1] ?? 0) + 1;
    const deletion = (previous[column] ?? 0) + 1;
    const isSwap = source[at - 1] === target[column - 2] && source[at - 2] === target[column - 1];
    const swap = at > 1 && column > 1 && isSwap ? (beforePrevious[column - 2] ?? 0) + 1 : Infinity;
    row.push(Math.min(substitution, insertion, deletion, swap));
  }
  return row;
}

/** Damerau-Levenshtein distance (optimal string alignment), or null when it exceeds `bound`. */
function distance(source: string, target: string, bound: number): number | null {
  if (Math.abs(source.length - target.length) > bound) return null;
  let beforePrevious: Row = [];
  let previous: Row = Array.from({ length: target.length + 1 }, (_, column) => column);
  for (let at = 1; at <= source.length; at++) {
    const row = nextRow(source, target, at, { previous, beforePrevious });
    if (Math.min(...row) > bound) return null;
    beforePrevious = previous;
    previous = row;
  }
  const last = previous[target.length] ?? 0;
  return last > bound ? null : last;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The names closest to a misspelt one, best first, case aside. A quarter of the letters may be wrong, but at least two. */
export function nearest(names: readonly string[], text: string, limit: number): readonly string[] {
  const wanted = text.trim().toLowerCase();
  if (wanted.length === 0 || wanted.length > MAX_LENGTH) return [];
  const bound = Math.max(2, Math.floor(wanted.length / 4));
  return names
    .flatMap((name) => {
      const steps = distance(wanted, name.toLowerCase(), bound);
      // A name of two letters is two steps from everything that short.
      return steps === null || steps >= name.length ? [] : [{ name, steps }];
    })
    .toSorted((a, b) => a.steps - b.steps || compareText(a.name, b.name))
    .slice(0, limit)
    .map((candidate) => candidate.name);
}
