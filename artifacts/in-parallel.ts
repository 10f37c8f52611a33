/**
 * `work` on every item, at most `workers` at once. After a failure nothing new is begun, what is under way is awaited, and the first
 * failure is thrown.
 */
export async function inParallel<T>(items: readonly T[], workers: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const failures: { error: unknown }[] = [];
  const worker = async (): Promise<void> => {
    // The workers share one iterator, so that each item is taken once.
    for (const item of queue) {
      if (failures.length > 0) return;
      await work(item).catch((error: unknown) => failures.push({ error }));
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  const [first] = failures;
  if (first) throw first.error;
}
