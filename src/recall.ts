/**
 * What was worked out before, by the content that it follows from: equal keys must mean equal results. At most `most`
 * results are kept, then it starts over: keys are a user's text, and nobody should be able to fill the memory with them.
 */
export type Recall<T> = (key: string, workOut: () => T) => T;

/** Longer keys are worked out each time: the memory is bounded in characters, too. */
const LONGEST_KEY = 4096;

export function createRecall<T>(most: number): Recall<T> {
  const known = new Map<string, { readonly value: T }>();
  return (key, workOut) => {
    const found = known.get(key);
    if (found !== undefined) return found.value;
    const value = workOut();
    if (key.length > LONGEST_KEY) return value;
    if (known.size >= most) known.clear();
    known.set(key, { value });
    return value;
  };
}
