/** What was heard since the last report, at most once in a while: a flood of bad clients must not flood the log. */
export function seldom<T>(report: (what: T, times: number) => void, everyMs: number): (what: T) => void {
  const waiting = new Map<T, number>();
  return (what) => {
    const count = waiting.get(what);
    if (count !== undefined) {
      waiting.set(what, count + 1);
      return;
    }
    report(what, 1);
    waiting.set(what, 0);
    setTimeout(() => {
      const times = waiting.get(what) ?? 0;
      waiting.delete(what);
      if (times > 0) report(what, times);
    }, everyMs).unref();
  };
}
