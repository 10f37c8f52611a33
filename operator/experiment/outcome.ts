/** What the end of an attempt means for its stage. */
import type { Reason } from '@carpal/configs/names.ts';
import { endWords } from './end-words.ts';
import { isActive, type StageRun } from './observed.ts';

/**
 * `final`: trying again cannot help; `failure` and `disruption` have a budget each; `excused`: it was asked to stop, so a further attempt
 * costs nothing.
 */
export type OutcomeKind = 'succeeded' | 'final' | 'failure' | 'disruption' | 'excused';
export type Outcome = { readonly kind: OutcomeKind; readonly reason: Reason; readonly message: string };

/** Exits that say that the command line, the data or the configuration is at fault (usage 64, data 65, configuration 78). */
const FINAL_EXITS: readonly number[] = [64, 65, 78];
/** Stopped, with a checkpoint to go on from. */
const STOPPED_EXIT = 75;

const limit = (text: string): string => (text.length > 1000 ? `…${text.slice(-999)}` : text);

function failureMessage(run: StageRun): string {
  const cause = run.reason === 'OOMKilled' ? 'killed for want of memory' : run.reason;
  const end =
    run.exitCode === undefined ? (cause ?? 'ended without an exit code') : `exit ${run.exitCode}${cause === undefined ? '' : `, ${cause}`}`;
  const words = endWords(run);
  return limit(words === '' ? end : `${end}: ${words}`);
}

/** Reads an attempt's end; undefined while it is active. `askedToStop`: the planner itself had decided to stop it. */
export function outcomeOf(run: StageRun, askedToStop = false): Outcome | undefined {
  if (isActive(run)) return undefined;
  if (run.state === 'succeeded') return { kind: 'succeeded', reason: 'StageFinished', message: '' };
  if (run.refused === true) return { kind: 'final', reason: 'InvalidManifest', message: limit(`was refused: ${run.message ?? ''}`) };
  if (run.exitCode !== undefined && FINAL_EXITS.includes(run.exitCode)) {
    return { kind: 'final', reason: 'InvalidData', message: failureMessage(run) };
  }
  if (askedToStop || run.stopRequested === true) return { kind: 'excused', reason: 'StoppedWithCheckpoint', message: 'stopped on request' };
  if (run.disrupted === true || run.deleting === true)
    return { kind: 'disruption', reason: 'StageDisrupted', message: failureMessage(run) };
  if (run.exitCode === STOPPED_EXIT) return { kind: 'disruption', reason: 'StoppedWithCheckpoint', message: 'stopped with a checkpoint' };
  if (run.reason === 'OOMKilled') return { kind: 'failure', reason: 'OutOfMemory', message: failureMessage(run) };
  return { kind: 'failure', reason: 'StageFailed', message: failureMessage(run) };
}

/** An attempt that was seen alive and has left no trace. Whoever removed it, it was not the stage's doing. */
export function vanishedOutcome(askedToStop: boolean): Outcome {
  if (askedToStop) return { kind: 'excused', reason: 'StoppedWithCheckpoint', message: 'stopped on request' };
  return { kind: 'disruption', reason: 'StageDisrupted', message: 'the attempt was removed while it ran' };
}
