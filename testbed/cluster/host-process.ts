/** Runs a pod's container as a process of this machine, without any isolation. Use it only for your own manifests. */
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { type ProcessEnd, startChild } from './child-process.ts';
import { containerEnvironment, expand, mountVolumes, rewritePaths } from './container-inputs.ts';
import { machineEnvironment } from './env.ts';
import type { KubeletPod, PodEnd } from './kubelet-pod.ts';
import { aborted, type ContainerRunner, type PodControl } from './pod-run.ts';

const CARPAL = fileURLToPath(new URL('../../carpal', import.meta.url));
/** The part of a log that FallbackToLogsOnError copies. */
const MESSAGE = { bytes: 2048, lines: 80 };

export type HostProcessOptions = {
  readonly client: KubernetesClient;
  /** Replaces the image's entrypoint if the container has no command. Default: carpal of this checkout. */
  readonly program?: readonly string[];
  readonly claims?: Readonly<Record<string, string>>;
  /** Replaces the image's working folder if the container has none. Default: the pod's own folder. */
  readonly workingFolder?: string;
  /** Variables that override this machine's environment; the pod's variables override them. */
  readonly environment?: Readonly<Record<string, string>>;
};

/**
 * Runs the first container of each pod: its command and args with `$(VAR)` expanded and mount paths rewritten, its variables, and its grace
 * period.
 */
export function hostProcess(options: HostProcessOptions): ContainerRunner {
  const { client, program = [CARPAL], claims = {}, environment = {}, workingFolder } = options;
  return async (pod, control) => {
    const inputs = await gather(pod, control, { client, claims }).catch((error: unknown) =>
      String(error instanceof Error ? error.message : error),
    );
    if (typeof inputs === 'string') {
      await control.waiting('CreateContainerConfigError', inputs);
      await aborted(control.stop);
      return { exitCode: 137 };
    }
    const { variables, mounted } = inputs;
    const container = pod.spec.containers[0];
    const command = [...(container?.command ?? program), ...(container?.args ?? [])].map((part) =>
      rewritePaths(expand(part, variables), mounted),
    );
    const [file = '', ...args] = command;
    const child = await startChild({
      program: file,
      args,
      logFile: control.logFile,
      cwd: container?.workingDir === undefined ? (workingFolder ?? control.folder) : rewritePaths(container.workingDir, mounted),
      env: {
        ...machineEnvironment(),
        ...environment,
        ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, rewritePaths(value, mounted)])),
      },
    });
    void aborted(control.stop).then(() => child.terminate());
    void aborted(control.kill).then(() => child.kill('SIGKILL'));
    await control.started();
    const end = podEnd(await child.ended);
    child.killRest();
    const isLogged = container?.terminationMessagePolicy === 'FallbackToLogsOnError' && end.exitCode !== 0;
    return isLogged ? { ...end, message: await logEnd(control.logFile) } : end;
  };
}

type Inputs = { readonly variables: Record<string, string>; readonly mounted: ReadonlyMap<string, string> };

async function gather(
  pod: KubeletPod,
  { folder }: PodControl,
  { client, claims }: { readonly client: KubernetesClient; readonly claims: Readonly<Record<string, string>> },
): Promise<Inputs> {
  return { variables: await containerEnvironment(pod, client), mounted: await mountVolumes(pod, { client, folder, claims }) };
}

function podEnd({ code, signal }: ProcessEnd): PodEnd {
  return { exitCode: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) };
}

/** The end of a log, as a kubelet copies it into a pod's status. */
async function logEnd(path: string): Promise<string> {
  const bytes = await readFile(path);
  const lines = bytes.subarray(-MESSAGE.bytes).toString('utf8').split('\n');
  return lines.slice(-MESSAGE.lines - 1).join('\n');
}
