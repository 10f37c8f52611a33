/** Pods whose fate a test decides: nothing runs. */
import { appendFile } from 'node:fs/promises';
import type { KubeletPod, PodEnd } from './kubelet-pod.ts';
import { aborted, type PodControl, type RunPod } from './pod-run.ts';

export type PodScript = {
  /** Runs for so long; for no time where neither this nor `until` is given. */
  readonly runMs?: number;
  /** Runs until this resolves. */
  readonly until?: Promise<unknown>;
  /** Never gets beyond ContainerCreating, or the reason given (`CreateContainerConfigError`). */
  readonly neverStarts?: true | string;
  /** 0 where absent. */
  readonly exitCode?: number;
  /** `OOMKilled`; by the exit code where absent. */
  readonly reason?: string;
  /** The last lines of its log. */
  readonly message?: string;
  /** What it does when asked to stop: ends with this code (75, as a stage that leaves a checkpoint, where absent) or takes no notice. */
  readonly onStop?: number | 'ignore';
  /** Called when it starts, as something that the container does. */
  readonly work?: () => Promise<void>;
};

const KILLED: PodEnd = { exitCode: 137 };
/** Stopped with a checkpoint. */
const STOPPED = 75;

/** A pod killed by the kernel for want of memory. */
export const OUT_OF_MEMORY: PodScript = { exitCode: 137, reason: 'OOMKilled' };

/** Runs pods by what `scriptOf` says of each, at the moment when it is about to start. */
export function scripted(scriptOf: (pod: KubeletPod) => PodScript): RunPod {
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
  const said = message === undefined || exitCode === 0 ? {} : { message };
  return { exitCode, ...(reason === undefined ? {} : { reason }), ...said };
}

async function ranItsTime({ runMs = 0, until }: PodScript, kill: AbortSignal): Promise<void> {
  if (until !== undefined) await until;
  if (runMs === 0) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, runMs);
    kill.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}
