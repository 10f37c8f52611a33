/** Runs work in the given order, at most `concurrency` pieces at a time. */
export function createLimit(concurrency: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = concurrency;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => void waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The free slot goes directly to the work that has waited longest.
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
