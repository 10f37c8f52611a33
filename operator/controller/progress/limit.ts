/** Runs work, at most `atOnce` pieces at a time, in the order in which it was given. */
export function createLimit(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => void waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The place goes to the next in line rather than back to all.
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
