/** The experiments of a soak: their manifests, what their pods do, and how they must end. Each is drawn from the seed and its number. */
import type { Reason } from '@carpal/configs/names.ts';
import { API_VERSION, KIND } from '@carpal/configs/schema/experiment.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { OUT_OF_MEMORY, type PodScript } from '@carpal/testbed/cluster/scripted-pod.ts';
import type { ScriptedAttempt } from '@carpal/testbed/operator/attempt-objects.ts';

export type SoakExperiment = {
  readonly manifest: object;
  /** How it must end, whatever faults occur. */
  readonly end: { readonly state: 'Complete' | 'Failed'; readonly reason: Reason };
  readonly script: (attempt: ScriptedAttempt) => PodScript;
};

const FOLDS = 3;
/** The percentage of first and second attempts that fail, and of those that hang. A third attempt does neither. */
const PERCENT = { fails: 12, hangs: 2 };
/** Longer than any other attempt takes. */
const STALL_TIMEOUT = '20s';
const BAD_ENDS: readonly PodScript[] = [{ exitCode: 1, message: 'loss is not a number' }, { exitCode: 75 }, OUT_OF_MEMORY];

/** Reports nothing and never ends by itself. */
export const HANGS: PodScript = { until: new Promise(() => undefined) };

/** The name of the experiment with that number; with '', the prefix of all names. */
export function nameOf(index: number | ''): string {
  return `soak-${index}`;
}

/** One in ten has data that cannot be read, and one in ten fails more often than allowed. The others succeed. */
export function soakExperiment(seed: number, index: number): SoakExperiment {
  const name = nameOf(index);
  const unreadable = index % 10 === 3;
  const failsOften = index % 10 === 6;
  const own = randomFor(seed, 'experiment', index);
  const budgets = { maxFailures: failsOften ? 0 : 100, maxDisruptions: 1000 };
  const onFoldFailure = own.integer(2) === 0 ? 'continue' : 'stop';
  const run = { parallelism: 1 + own.integer(FOLDS), ...budgets, onFoldFailure, stallTimeout: STALL_TIMEOUT };
  const script = ({ stage, fold, attempt }: ScriptedAttempt): PodScript => {
    const random = randomFor(seed, name, stage, fold ?? -1, attempt);
    const runMs = random.range(300, 4000);
    if (unreadable && fold === 0) return { runMs, exitCode: 78, message: 'label finger-99 is not in the class list' };
    if (failsOften && fold === 1) return { runMs, exitCode: 1, message: 'loss is not a number' };
    const isEarly = !failsOften && attempt <= 2;
    if (isEarly && stage === 'fold' && random.integer(100) < PERCENT.hangs) return HANGS;
    const isBad = isEarly && random.integer(100) < PERCENT.fails;
    return { runMs, ...(isBad ? BAD_ENDS[random.integer(BAD_ENDS.length)] : {}) };
  };
  return {
    manifest: {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { name },
      spec: {
        dataset: { uri: '/data', split: { folds: FOLDS } },
        model: { name: 'UNet' },
        placement: { gpus: 1, cpu: '1', memory: '1Gi' },
        run,
      },
    },
    end: unreadable
      ? { state: 'Failed', reason: 'InvalidData' }
      : failsOften
        ? { state: 'Failed', reason: 'FailureBudgetExceeded' }
        : { state: 'Complete', reason: 'ExperimentComplete' },
    script,
  };
}
