import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { isAllocationFailure } from './allocation-failure.ts';
import { processMemoryMb } from './process-memory.ts';
import type { Foretold, TrialAnswer, TrialMessage, TrialOutcome, TrialRequest } from './trial.ts';

export type TrialOptions = {
  /** More than this, and the trial is ended as too large. */
  readonly limitMb: number;
  /** More than this, and it is ended as too slow; 10 minutes by default. */
  readonly timeoutMs?: number;
  /** Ends the trial, which has failed then. */
  readonly signal?: AbortSignal;
};

const LOOK_EVERY_MS = 25;
const TEN_MINUTES_MS = 600_000;
const KEPT_TEXT = 4096;
const BROKEN_OFF: TrialOutcome = { kind: 'failed', message: 'it was broken off' };

const megabytes = (value: number): string => `${Math.round(value)} MB`;

/**
 * Runs some steps in a process of their own, so that whatever happens there (a crash, the kernel's killer of processes that take too much)
 * happens to it alone, and nothing of it is left here. The trial is stopped as soon as it takes more than it may.
 */
export async function runTrial(request: TrialRequest, options: TrialOptions): Promise<TrialOutcome> {
  const { limitMb, timeoutMs = TEN_MINUTES_MS, signal } = options;
  if (signal?.aborted) return BROKEN_OFF;
  const child = fork(join(import.meta.dirname, 'trial-main.ts'), [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] });
  let verdict: TrialOutcome | undefined;
  const end = (outcome: TrialOutcome): void => {
    verdict ??= outcome;
    child.kill('SIGKILL');
  };
  const watch = setInterval(() => {
    const peakMemoryMb = processMemoryMb(child.pid ?? 0, 'VmRSS') ?? 0;
    if (peakMemoryMb > limitMb) end({ kind: 'too-large', why: `it took more than ${megabytes(limitMb)}`, peakMemoryMb });
  }, LOOK_EVERY_MS);
  const patience = setTimeout(() => end({ kind: 'too-slow', seconds: timeoutMs / 1000 }), timeoutMs);
  const onAbort = (): void => end(BROKEN_OFF);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const { answer, foretold, ending } = await endOf(child, { ...request, limitMb });
    const outcome = verdict ?? outcomeOf(answer, ending, limitMb);
    return outcome.kind === 'too-large' && foretold ? { ...outcome, foretold } : outcome;
  } finally {
    clearInterval(watch);
    clearTimeout(patience);
    signal?.removeEventListener('abort', onAbort);
  }
}

type Ending = { readonly signal: NodeJS.Signals | null; readonly code: number | null; readonly text: string };

type End = { readonly answer: TrialAnswer | undefined; readonly foretold: Foretold | undefined; readonly ending: Ending };

async function endOf(child: ChildProcess, request: TrialMessage): Promise<End> {
  let answer: TrialAnswer | undefined;
  let foretold: Foretold | undefined;
  let text = '';
  const { promise, resolve } = Promise.withResolvers<Ending>();
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = `${text}${chunk}`.slice(-KEPT_TEXT);
  });
  child.on('message', (sent) => {
    const message = sent as TrialAnswer | Foretold;
    if (message.kind === 'foretold') foretold = message;
    else {
      answer = message;
      // It has nothing more to say, and its own end may hang (see cli.ts).
      child.kill('SIGKILL');
    }
  });
  // It could not be started.
  child.once('error', (error) => resolve({ code: null, signal: null, text: error.message }));
  child.once('close', (code, signal) => resolve({ code, signal, text }));
  // A child that is gone already tells by its end.
  child.send(request, () => undefined);
  const ending = await promise;
  return { ending, answer, foretold };
}

/** What the end of a trial that was left alone means. */
export function outcomeOf(answer: TrialAnswer | undefined, { signal, code, text }: Ending, limitMb: number): TrialOutcome {
  if (answer?.kind === 'measured') {
    const { peakMemoryMb } = answer;
    if (peakMemoryMb <= limitMb) return answer;
    return { kind: 'too-large', why: `it took ${megabytes(peakMemoryMb)}, more than ${megabytes(limitMb)}`, peakMemoryMb };
  }
  const message = answer?.message ?? text.trim();
  if (isAllocationFailure(message)) return { kind: 'too-large', why: 'it could not get the memory that it asked for' };
  if (answer) return { kind: 'failed', message };
  // Nobody here sent it.
  if (signal === 'SIGKILL') return { kind: 'too-large', why: 'the system ended it, as it does where memory gives out' };
  const how = signal ?? (code === null ? 'never began' : `exit ${code}`);
  return { kind: 'failed', message: message === '' ? `the process ended (${how}) and said nothing` : `${message} (${how})` };
}
