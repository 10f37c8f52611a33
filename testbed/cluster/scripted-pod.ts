/** Pods that follow a test's script. Nothing runs. */
import { appendFile } from 'node:fs/promises';
import type { KubeletPod, PodEnd } from './kubelet-pod.ts';
import { aborted, type ContainerRunner, type PodControl } from './pod-run.ts';

export type PodScript = {
  /** How long it runs. Default: not at all, unless `until` is given. */
  readonly runMs?: number;
  /** Runs until this resolves. */
  readonly until?: Promise<unknown>;
  /** Stays in ContainerCreating, or in the given state (`CreateContainerConfigError`). */
  readonly neverStarts?: true | string;
  /** Default: 0. */
  readonly exitCode?: number;
  /** `OOMKilled`. Default: by the exit code. */
  readonly reason?: string;
  /** The last lines of its log. */
  readonly message?: string;
  /** What it does on SIGTERM: end with this code, or ignore the signal. Default: 75, as a stage that leaves a checkpoint. */
  readonly onStop?: number | 'ignore';
  /** Called at the start, in place of the container's work. */
  readonly work?: () => Promise<void>;
};

const KILLED: PodEnd = { exitCode: 137 };
/** The exit code of a stage that was stopped and left a checkpoint. */
const STOPPED = 75;

/** A pod that the kernel kills because it runs out of memory. */
export const OUT_OF_MEMORY: PodScript = { exitCode: 137, reason: 'OOMKilled' };

/** Runs pods by the script that `scriptOf` returns when the pod starts. */
export function scripted(scriptOf: (pod: KubeletPod) => PodScript): ContainerRunner {
  return async (pod, control) => {
    const script = scriptOf(pod);
    if (script.neverStarts === undefined) return play(script, control);
    if (script.neverStarts !== true) await control.waiting(script.neverStarts, script.message);
    await aborted(control.stop);
    return KILLED;
  };
}

async function play(script: PodScript, control: PodControl): Promise<PodEnd> {
  if (script.message !== undefined) await appendFile(control.logFile, `${script.message}\n`);
  await control.started();
  await script.work?.();
  const asked = script.onStop === 'ignore' ? [] : [aborted(control.stop).then(() => script.onStop ?? STOPPED)];
  const stopCode = await Promise.race([
    ranItsTime(script, control.kill).then(() => undefined),
    aborted(control.kill).then(() => KILLED.exitCode),
    ...asked,
  ]);
  if (control.kill.aborted) return KILLED;
  return typeof stopCode === 'number' ? { exitCode: stopCode } : scriptedEnd(script);
}

function scriptedEnd({ exitCode = 0, reason, message }: PodScript): PodEnd {
  const lastLines = message === undefined || exitCode === 0 ? {} : { message };
  return { exitCode, ...(reason === undefined ? {} : { reason }), ...lastLines };
}

async function ranItsTime({ runMs = 0, until }: PodScript, kill: AbortSignal): Promise<void> {
  if (until !== undefined) await until;
  if (runMs === 0) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, runMs);
    kill.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}
