/** Before an attempt counts as gone without a trace, the API server itself is asked for it. */
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, holdsPlace } from '../experiment/experiment-status.ts';
import type { StageRun } from '../experiment/observed.ts';
import { attemptName, sameStage } from '../experiment/stage.ts';
import { entriesOf } from '../experiment/stages.ts';
import type { Substrate } from '../experiment/substrate.ts';

/**
 * The substrate with every attempt that the status takes for alive and that a look does not show asked for by its name. The watches on
 * experiments and on Jobs run apart, and another leader may have written the status: what is not seen may be there all the same, and taking
 * it for lost would start its successor beside it.
 */
export function confirmVanished(
  substrate: Substrate,
  { metadata: { name } }: SegmentationExperiment,
  status: ExperimentStatus | undefined,
  ask: (attemptName: string) => Promise<StageRun | undefined>,
): Substrate {
  const held = status === undefined ? [] : entriesOf(status).filter(([, stage]) => holdsPlace(stage));
  const observe = async (): Promise<readonly StageRun[]> => {
    const runs = await substrate.observe();
    const missing = held.filter(([key, { attempts }]) => !runs.some((run) => sameStage(key, run) && run.attempt >= attempts));
    const found = await Promise.all(missing.map(([key, { attempts }]) => ask(attemptName(name, key, attempts))));
    return [...runs, ...found.filter((run) => run !== undefined)];
  };
  return { ...substrate, observe };
}
