import { isStatus } from './errors.ts';

/** Paths of one collection, the preferred version of its API first. */
export type Versions = readonly [string, ...string[]];

/**
 * Runs `use` on the first of these that the API server serves, and gives what it gave. Trying costs no discovery.
 * @throws ApiError 404 where it serves none of them, and whatever else `use` throws.
 */
export async function onServed<T>(
  [first, ...others]: Versions,
  use: (path: string) => Promise<T>,
): Promise<T> {
  try {
    return await use(first);
  } catch (error) {
    const [next, ...rest] = others;
    if (!isStatus(error, 404) || next === undefined) throw error;
    return onServed([next, ...rest], use);
  }
}
