/** Runs an experiment on this machine from its run folder to its end, in a loop: observe, plan, act, wait. */

import { dirname, join } from 'node:path';
import { experimentRecordKey, type Provenance, writeExperimentRecord } from '@carpal/artifacts/experiment-record.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { readReportedError, readStageProgress } from '@carpal/artifacts/progress.ts';
import { carpalErrorOf } from '@carpal/artifacts/stage-error.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { makeFolder } from '@carpal/artifacts/write-file.ts';
import { type StageKey, stageFolderKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { StageError } from '@carpal/configs/schema/progress.ts';
import { type ExperimentStatus, isTerminal, isTrue } from '@carpal/configs/schema/status.ts';
import { isActive, type ObservedProgress, observedProgress } from '../experiment/observed.ts';
import { reconcile, type Step } from '../experiment/reconcile.ts';
import type { RetryPolicy } from '../experiment/retry-policy.ts';
import { sameStage } from '../experiment/stage.ts';
import { entriesOf, foldsOf } from '../experiment/stages.ts';
import type { AttemptRecord } from './attempt-records.ts';
import { foldsAtOnce } from './local-parallelism.ts';
import { openProcessSubstrate, type ProcessSubstrate } from './process-substrate.ts';
import { keepLogs } from './publish-outputs.ts';
import { openRun, readStatusFile, runFolder, writeStatusFile } from './run-folder.ts';
import { createWaker, type Waker } from './waker.ts';
import { lockWorkFolder } from './work-lock.ts';

/** Shorter than on a cluster: a person waits for the run. */
export const LOCAL_RETRY: RetryPolicy = { baseMs: 1000, longestMs: 60_000, healthyAfterMs: 600_000 };
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
  waitingForOrphan(record: AttemptRecord): void;
  stopping(): void;
};

/** `stopped` and `suspended` runs can continue; `complete` and `failed` are final. */
export type RunResult = {
  readonly end: 'complete' | 'failed' | 'stopped' | 'suspended';
  readonly experiment: SegmentationExperiment;
  readonly status: ExperimentStatus | undefined;
  readonly store: ArtifactStore;
  /** Only for `failed`. */
  readonly failure?: RunFailure;
};

/** The stage whose failure ended the experiment. */
export type RunFailure = {
  readonly stage: StageKey;
  /** The error that the stage reported, if any. */
  readonly error?: StageError;
  /** The reason and everything that is known about the failure. */
  readonly message: string;
  readonly exitCode?: number;
  /** The log of its last attempt. */
  readonly log?: string;
};

/** The arguments of a stage's process, without node. `atOnce`: the number of folds that share the memory of the machine. */
export function stageCommand(
  program: readonly string[],
  experimentFile: string,
  artifacts: string,
  key: StageKey,
  atOnce: number,
): readonly string[] {
  const share = atOnce > 1 ? ['--memory-share', String(atOnce)] : [];
  const fold = key.fold === undefined ? [] : ['--fold', String(key.fold), ...share];
  return [...program, key.stage, '--experiment', experimentFile, '--artifacts', artifacts, ...fold];
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
  const lock = await lockWorkFolder(options.workFolder, `experiment ${options.experiment.metadata.name}`);
  try {
    const folder = runFolder(options.workFolder, options.experiment);
    const experiment = await openRun(folder, options.experiment, options.fresh);
    const store = openStore(artifactsFolder(options.workFolder));
    await writeExperimentRecord(store, experiment, options.provenance);
    const waker = createWaker();
    try {
      return await runWith(options, experiment, store, folder, waker);
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
  waker: Waker,
): Promise<RunResult> {
  const { view, now } = options;
  const experimentFile = join(store.uri, experimentRecordKey(experiment));
  let blocked: StageError | undefined;
  const reportedError: ReportedError = (key, since) => readReportedError(store, experiment, key, since);
  const substrate = await openProcessSubstrate({
    folder,
    stageCommand: (key) => stageCommand(options.program, experimentFile, store.uri, key, foldsAtOnce(experiment)),
    reportedError,
    onBlocked: (error) => {
      blocked ??= error;
      waker.wake();
    },
    onChange: waker.wake,
    onOrphan: (record) => view.waitingForOrphan(record),
    graceMs: options.graceMs ?? 110_000,
    now,
  });
  waker.watchFolders(await reportFolders(store, experiment));
  options.stop.addEventListener('abort', waker.wake);
  options.kill.addEventListener('abort', substrate.killAll);
  const dependencies = {
    substrate,
    readProgress: () => readProgress(store, experiment),
    readStatus: () => readStatusFile(folder),
    writeStatus: (status: ExperimentStatus) => writeStatusFile(folder, status),
    artifacts: store.uri,
    now,
    retry: options.retry ?? LOCAL_RETRY,
  };
  await view.begin(experiment, store);
  const finish = async (end: RunResult['end']): Promise<RunResult> => {
    if (end === 'complete' || end === 'failed') await keepLogs(store, experiment, dirname(substrate.logPath('any')));
    const status = await dependencies.readStatus();
    const failure = end === 'failed' && status ? await failureOf(status, substrate, reportedError) : undefined;
    return { end, experiment, status, store, ...(failure === undefined ? {} : { failure }) };
  };
  try {
    while (!options.stop.aborted) {
      if (blocked !== undefined) throw carpalErrorOf(blocked);
      const step = await reconcile(experiment, dependencies);
      await view.show(step);
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

type ReportedError = (key: StageKey, since: Date) => Promise<StageError | undefined>;

/** The failed stage, with the error that its last attempt reported. */
async function failureOf(
  status: ExperimentStatus,
  substrate: ProcessSubstrate,
  reportedError: ReportedError,
): Promise<RunFailure | undefined> {
  const condition = status.conditions.find(({ type }) => type === 'Failed');
  const message = `${condition?.reason ?? 'Failed'}: ${condition?.message ?? ''}`;
  const [stage] = entriesOf(status).find(([, { state }]) => state === 'Failed') ?? [];
  if (stage === undefined) return undefined;
  const attempts = (await substrate.observe()).filter((run) => sameStage(run, stage));
  const last = attempts.toSorted((a, b) => a.attempt - b.attempt).at(-1);
  if (last === undefined) return { stage, message };
  const error = await reportedError(stage, new Date(last.startedAt ?? last.pendingSince));
  const { exitCode } = last;
  return {
    stage,
    message,
    log: substrate.logPath(last.name),
    ...(error === undefined ? {} : { error }),
    ...(exitCode === undefined ? {} : { exitCode }),
  };
}

/** The folders of the stages' reports, created so that they can be watched. */
async function reportFolders(store: ArtifactStore, experiment: SegmentationExperiment): Promise<readonly string[]> {
  const keys: StageKey[] = [
    { stage: 'prepare' },
    { stage: 'ensemble' },
    ...foldsOf(experiment).map((fold): StageKey => ({ stage: 'fold', fold })),
  ];
  const folders = keys.map((key) => join(store.uri, stageFolderKey(experiment, key)));
  for (const folder of folders) await makeFolder(folder);
  return folders;
}

/** Reads the reports of all stages from the artifact store. */
async function readProgress(store: ArtifactStore, experiment: SegmentationExperiment): Promise<ObservedProgress> {
  const folds = foldsOf(experiment).map((fold): StageKey => ({ stage: 'fold', fold }));
  const keys: StageKey[] = [{ stage: 'prepare' }, ...folds, { stage: 'ensemble' }];
  const reports = await Promise.all(keys.map(async (key) => [key, await readStageProgress(store, experiment, key)] as const));
  return observedProgress(reports);
}
