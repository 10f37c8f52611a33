/** A trial: some training steps of a spec, run in a separate process that measures their memory and time. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import type { Fitting } from './estimate.ts';
import { isAllocationFailure, processMemoryMb } from './process-memory.ts';

export type TrialRequest = {
  readonly spec: ExperimentSpec;
  readonly classes: number;
  /** Number of timed steps after the first. With gradient accumulation it must be even, so that every second step updates the weights. */
  readonly steps: number;
};

/** The message to the trial process. */
export type TrialMessage = TrialRequest & { readonly limitMb: number };

/** The needs of the trial process, which equal those of a fold's process. */
export type Measured = {
  readonly kind: 'measured';
  /** Peak memory of the process, in MB of 2^20 bytes. Does not include GPU memory. */
  readonly peakMemoryMb: number;
  /** Time until the end of the first step that updates the weights, including building the network and recording and compiling the step. */
  readonly firstStepSeconds: number;
  /** Median of the timed steps, one step per batch. With gradient accumulation, the mean over the batches of one update. */
  readonly stepSeconds: number;
  /** The network's part of validating one image. Its masks are compared on another thread at the same time. */
  readonly validationSecondsPerImage: number;
  readonly device: 'cpu' | 'gpu';
};

/** The steps did not fit. `why` is a phrase for the log. */
export type TooLarge = {
  readonly kind: 'too-large';
  readonly why: string;
  readonly peakMemoryMb?: number;
  /** The estimate before the first step, if there was one. */
  readonly estimate?: StepEstimate;
};

/** The steps took longer than the timeout. Whether they fit is not known. */
export type TooSlow = { readonly kind: 'too-slow'; readonly seconds: number };

/** The trial failed for another reason. */
export type TrialFailed = { readonly kind: 'failed'; readonly message: string };

export type TrialOutcome = Measured | TooLarge | TooSlow | TrialFailed;

/** The memory estimate of the recorded step before it runs. If the step may not fit, `fitting` has the sizes that do. */
export type StepEstimate = { readonly kind: 'estimate'; readonly memoryMb: number; readonly fitting?: Fitting };

/** Sent when the network is built and after each step. */
export type TrialAdvance = { readonly kind: 'advance' };

/** The last message of the trial process. */
export type TrialAnswer = Measured | { readonly kind: 'error'; readonly message: string };

export type TrialOptions = {
  /** A trial that uses more is ended as too large. */
  readonly limitMb: number;
  /** A trial that takes longer is ended as too slow. 10 minutes by default. */
  readonly timeoutMs?: number;
  /** Ends the trial as failed. */
  readonly signal?: AbortSignal;
  /** Called when the network is built and after each step. */
  readonly onAdvance?: () => void;
};

const POLL_MS = 25;
const TEN_MINUTES_MS = 600_000;
const KEPT_TEXT = 4096;
const STOPPED: TrialOutcome = { kind: 'failed', message: 'the trial was stopped' };

const megabytes = (value: number): string => `${Math.round(value)} MB`;

/**
 * Runs the steps of a request in a separate process, so that a crash or the kernel's out-of-memory killer ends only that process, and its
 * memory is free afterwards. Ends the trial as soon as it uses more than the limit. Never rejects.
 */
export async function runTrial(request: TrialRequest, options: TrialOptions): Promise<TrialOutcome> {
  const { limitMb, timeoutMs = TEN_MINUTES_MS, signal, onAdvance = () => undefined } = options;
  if (signal?.aborted) return STOPPED;
  const child = fork(join(import.meta.dirname, 'trial-main.ts'), [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] });
  let verdict: TrialOutcome | undefined;
  const end = (outcome: TrialOutcome): void => {
    verdict ??= outcome;
    child.kill('SIGKILL');
  };
  const watch = setInterval(() => {
    const peakMemoryMb = processMemoryMb(child.pid ?? 0, 'VmRSS') ?? 0;
    if (peakMemoryMb > limitMb) end({ kind: 'too-large', why: `it used more than ${megabytes(limitMb)}`, peakMemoryMb });
  }, POLL_MS);
  const timeout = setTimeout(() => end({ kind: 'too-slow', seconds: timeoutMs / 1000 }), timeoutMs);
  const onAbort = (): void => end(STOPPED);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const { answer, estimate, ending } = await endOf(child, { ...request, limitMb }, onAdvance);
    const outcome = verdict ?? outcomeOf(answer, ending, limitMb);
    return outcome.kind === 'too-large' && estimate ? { ...outcome, estimate } : outcome;
  } finally {
    clearInterval(watch);
    clearTimeout(timeout);
    signal?.removeEventListener('abort', onAbort);
  }
}

type Ending = { readonly signal: NodeJS.Signals | null; readonly code: number | null; readonly text: string };

type End = { readonly answer: TrialAnswer | undefined; readonly estimate: StepEstimate | undefined; readonly ending: Ending };

async function endOf(child: ChildProcess, request: TrialMessage, onAdvance: () => void): Promise<End> {
  let answer: TrialAnswer | undefined;
  let estimate: StepEstimate | undefined;
  let text = '';
  const { promise, resolve } = Promise.withResolvers<Ending>();
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = `${text}${chunk}`.slice(-KEPT_TEXT);
  });
  child.on('message', (sent) => {
    const message = sent as TrialAnswer | StepEstimate | TrialAdvance;
    if (message.kind === 'advance') onAdvance();
    else if (message.kind === 'estimate') estimate = message;
    else {
      answer = message;
      // The answer is the child's last message. The child might hang when it exits (see cli.ts), so it is killed.
      child.kill('SIGKILL');
    }
  });
  // The process could not be started.
  child.once('error', (error) => resolve({ code: null, signal: null, text: error.message }));
  child.once('close', (code, signal) => resolve({ code, signal, text }));
  // An error of sending to a process that has already ended is ignored: the way it ended is reported instead.
  child.send(request, () => undefined);
  const ending = await promise;
  return { ending, answer, estimate };
}

/** The outcome of a trial that this process did not end itself. */
export function outcomeOf(answer: TrialAnswer | undefined, { signal, code, text }: Ending, limitMb: number): TrialOutcome {
  if (answer?.kind === 'measured') {
    const { peakMemoryMb } = answer;
    if (peakMemoryMb <= limitMb) return answer;
    return { kind: 'too-large', why: `it used ${megabytes(peakMemoryMb)}, more than ${megabytes(limitMb)}`, peakMemoryMb };
  }
  const message = answer?.message ?? text.trim();
  if (isAllocationFailure(message)) return { kind: 'too-large', why: 'a memory allocation failed' };
  if (answer) return { kind: 'failed', message };
  // This process did not send it.
  if (signal === 'SIGKILL') return { kind: 'too-large', why: 'the system ended the process, as it does when memory runs out' };
  const how = signal ?? (code === null ? 'not started' : `exit ${code}`);
  return { kind: 'failed', message: message === '' ? `the process ended without a message (${how})` : `${message} (${how})` };
}
