/** Runs an experiment on this machine from its run folder to its end, in a loop: observe, plan, act, wait. */

import { dirname, join } from 'node:path';
import { experimentRecordKey, type Provenance, writeExperimentRecord } from '@carpal/artifacts/experiment-record.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { readReportedError } from '@carpal/artifacts/progress.ts';
import { carpalErrorOf } from '@carpal/artifacts/stage-error.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, isTerminal, isTrue } from '@carpal/configs/schema/status.ts';
import { isActive } from '../experiment/observed.ts';
import { reconcile, type Step } from '../experiment/reconcile.ts';
import type { RetryPolicy } from '../experiment/retry-policy.ts';
import { stageTitle } from '../experiment/stage.ts';
import { countTries } from './infrastructure.ts';
import { foldsAtOnce } from './local-parallelism.ts';
import { type FailedAttempt, openProcessSubstrate, type ProcessSubstrate } from './process-substrate.ts';
import { createProgressReader, reportFolders } from './progress-reports.ts';
import { keepLogs } from './publish-outputs.ts';
import { failuresOf, type ReportedError, type RunFailure } from './run-failure.ts';
import { openRun, readStatusFile, runFolder, writeStatusFile } from './run-folder.ts';
import { createWaker, type Waker } from './waker.ts';
import { lockWorkFolder, type WorkLock } from './work-lock.ts';

/** Shorter than on a cluster: a person waits for the run. */
export const LOCAL_RETRY: RetryPolicy = {
  baseMs: 1000,
  longestMs: 60_000,
  healthyAfterMs: 600_000,
  infrastructure: { baseMs: 5000, longestMs: 300_000 },
};
/** The longest wait, in case a change is missed. */
const LONGEST_WAIT_MS = 15_000;

export type RunOptions = {
  readonly experiment: SegmentationExperiment;
  readonly workFolder: string;
  readonly fresh: boolean;
  /** The program with the stage commands, without node: normally the path of cli.ts. */
  readonly program: readonly string[];
  readonly provenance: Provenance;
  /** When aborted, the stages are asked to stop. */
  readonly stop: AbortSignal;
  /** When aborted, the stages are killed. */
  readonly kill: AbortSignal;
  readonly now: () => Date;
  readonly view: RunView;
  readonly graceMs?: number;
  readonly retry?: RetryPolicy;
};

/** Shows a run while it progresses. */
export type RunView = {
  begin(experiment: SegmentationExperiment, store: ArtifactStore): Promise<void>;
  /** Called after every step, never concurrently. */
  show(step: Step): Promise<void>;
  /** A line about something that a person should know, such as why the run waits. May be called before `begin`. */
  notice(line: string): void;
  stopping(): void;
};

/**
 * `stopped` and `suspended` runs continue with the same command, and `failed` ones when run.retry is raised. A `complete` run runs its
 * ensemble again when inference or ensemble changes.
 */
export type RunResult = {
  readonly end: 'complete' | 'failed' | 'stopped' | 'suspended';
  readonly experiment: SegmentationExperiment;
  readonly status: ExperimentStatus | undefined;
  readonly store: ArtifactStore;
  /** The stages that failed for good; empty unless the run has failed. */
  readonly failures: readonly RunFailure[];
};

/** The arguments of a stage's process, without node. `atOnce`: the number of folds that share the memory of the machine. */
export function stageCommand(
  program: readonly string[],
  experimentFile: string,
  artifacts: string,
  { stage, fold, attempt }: StageKey & { readonly attempt: number },
  atOnce: number,
): readonly string[] {
  // It also tells a stage that the ensemble runs on this machine too.
  const share = ['--memory-share', String(fold === undefined ? 1 : atOnce)];
  const ofFold = fold === undefined ? [] : ['--fold', String(fold)];
  return [...program, stage, '--experiment', experimentFile, '--artifacts', artifacts, '--attempt', String(attempt), ...share, ...ofFold];
}

/** The store of a work folder. All its runs share the prepared data sets. */
export function artifactsFolder(workFolder: string): string {
  return join(workFolder, 'artifacts');
}

/**
 * Runs an experiment to its end, or until it is stopped or suspended. Continues a run that is in the work folder. Throws `run-locked`,
 * `manifest-immutable`, and errors of writing; by then the stages have ended.
 */
export async function runExperiment(options: RunOptions): Promise<RunResult> {
  const lock = await lockWorkFolder(options.workFolder, `experiment ${options.experiment.metadata.name}`, options.view.notice);
  try {
    const folder = runFolder(options.workFolder, options.experiment);
    const experiment = await openRun(folder, options.experiment, options.fresh);
    const store = openStore(artifactsFolder(options.workFolder));
    await writeExperimentRecord(store, experiment, options.provenance);
    const waker = createWaker();
    try {
      return await runWith(options, experiment, store, folder, { lock, waker });
    } finally {
      waker.close();
    }
  } finally {
    // A full disk must not hide the error that it caused. The lock of a dead process is taken over anyway.
    await lock.release().catch(() => undefined);
  }
}

async function runWith(
  options: RunOptions,
  experiment: SegmentationExperiment,
  store: ArtifactStore,
  folder: string,
  { lock, waker }: { readonly lock: WorkLock; readonly waker: Waker },
): Promise<RunResult> {
  const { view, now } = options;
  const experimentFile = join(store.uri, experimentRecordKey(experiment));
  const retry = options.retry ?? LOCAL_RETRY;
  const tries = countTries(retry.infrastructure.baseMs);
  let blocked: CarpalError | undefined;
  const reportedError: ReportedError = (key, since) => readReportedError(store, experiment, key, since);
  const substrate = await openProcessSubstrate({
    folder,
    stageCommand: (attempt) => stageCommand(options.program, experimentFile, store.uri, attempt, foldsAtOnce(experiment)),
    reportedError,
    endsRun: (failed) => {
      if (!tries.attemptEnded(failed.key, failed.exitCode, failed.othersRun)) return false;
      blocked ??= blockingError(failed);
      return true;
    },
    onChange: waker.wake,
    notice: view.notice,
    graceMs: options.graceMs ?? 110_000,
    now,
  });
  waker.watchFolders(await reportFolders(store, experiment));
  options.stop.addEventListener('abort', waker.wake);
  options.kill.addEventListener('abort', substrate.killAll);
  const dependencies = {
    substrate,
    readProgress: createProgressReader(store, experiment, now),
    readStatus: () => readStatusFile(folder),
    writeStatus: (status: ExperimentStatus) => writeStatusFile(folder, status),
    artifacts: store.uri,
    now,
    retry,
  };
  await view.begin(experiment, store);
  const finish = async (end: RunResult['end']): Promise<RunResult> => {
    if (end === 'complete' || end === 'failed') await keepLogs(store, experiment, dirname(substrate.logPath('any')));
    const status = await dependencies.readStatus();
    const failures = end === 'failed' && status ? await failuresOf(status, substrate, reportedError) : [];
    return { end, experiment, status, store, failures };
  };
  /** The next step; undefined if the run could not use its folder and has waited to try again. */
  const nextStep = async (): Promise<Step | undefined> => {
    try {
      const step = await reconcile(experiment, dependencies);
      await view.show(step);
      tries.stepSucceeded();
      return step;
    } catch (error) {
      const { delayMs, line } = tries.stepFailed(error);
      view.notice(line);
      const untilMs = now().getTime() + delayMs;
      while (now().getTime() < untilMs && !options.stop.aborted) await waker.next(untilMs - now().getTime());
      return undefined;
    }
  };
  try {
    while (!options.stop.aborted) {
      if (blocked !== undefined) throw blocked;
      if (!(await lock.isHeld())) throw lockLost(options.workFolder);
      const step = await nextStep();
      if (step === undefined) continue;
      const end = await endOf(step, substrate);
      if (end !== undefined) return await finish(end);
      await waker.next(Math.min(step.plan.requeueAfterMs ?? LONGEST_WAIT_MS, LONGEST_WAIT_MS));
    }
    view.stopping();
    return await finish('stopped');
  } finally {
    // No stage may run without its runner, regardless of how the loop ended.
    await substrate.stopAll();
    options.stop.removeEventListener('abort', waker.wake);
    options.kill.removeEventListener('abort', substrate.killAll);
  }
}

/** How the run ended; undefined while it has neither ended nor been suspended, or while an attempt is active. */
async function endOf({ plan }: Step, substrate: ProcessSubstrate): Promise<RunResult['end'] | undefined> {
  if (!isTerminal(plan.status) && !isTrue(plan.status, 'Suspended')) return undefined;
  if ((await substrate.observe()).some(isActive)) return undefined;
  if (isTrue(plan.status, 'Complete')) return 'complete';
  return isTrue(plan.status, 'Failed') ? 'failed' : 'suspended';
}

/** The error of an attempt that was tried often enough. */
function blockingError({ key, error, tail }: FailedAttempt): CarpalError {
  const more = ` ${stageTitle(key)} could not continue after several attempts. Nothing is lost: the same command continues.`;
  if (error !== undefined) return carpalErrorOf(error, more);
  const { fix } = new CarpalError('artifact-store-failed', '');
  return new CarpalError('artifact-store-failed', tail === '' ? 'the stage ended with exit 74' : tail, { fix: `${fix}${more}` });
}

const lockLost = (workFolder: string): CarpalError =>
  new CarpalError('run-locked', 'the lock of the work folder was removed while this run held it, so another run may use the folder', {
    where: workFolder,
    fix: 'If no other run uses the folder, run the command again: it continues from the checkpoints.',
  });
