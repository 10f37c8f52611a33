/** Before a failed attempt's pod goes: what it said is kept in the artifact store, and its message says where. */
import type { StageRun } from '../experiment/observed.ts';
import type { Substrate } from '../experiment/substrate.ts';

/** All that is known of a failure beside its exit: the stage's own error or the end of its log, and where that is kept. */
export type Explanation = { readonly message: string };

export type ExplainFailure = (run: StageRun) => Promise<Explanation | undefined>;

/**
 * The substrate with every newly failed attempt explained, once; `isNews` says of which the status has yet to tell. An explanation that
 * cannot be had within `timeoutMs` leaves the message as it is: a store that is away holds up nobody.
 */
export function explainFailures(
  substrate: Substrate,
  isNews: (run: StageRun) => boolean,
  explain: ExplainFailure,
  timeoutMs: number,
): Substrate {
  const explained = async (run: StageRun): Promise<StageRun> => {
    if (run.state !== 'failed' || !isNews(run)) return run;
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), timeoutMs);
    try {
      const explanation = await Promise.race([explain(run).catch(() => undefined), late]);
      const { lastLines: _lastLines, ...rest } = run;
      return explanation === undefined ? run : { ...rest, ...explanation };
    } finally {
      clearTimeout(timer);
    }
  };
  return { ...substrate, observe: async () => await Promise.all((await substrate.observe()).map(explained)) };
}
