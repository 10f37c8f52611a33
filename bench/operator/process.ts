/** `carpal operator` as its own process, as in a cluster: with a Lease, its health server and its own memory. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { MEMORY_SETTINGS } from '@carpal/operator/install/operator-workload.ts';
import { startChild } from '@carpal/testbed/cluster/child-process.ts';
import { freePort } from '@carpal/testbed/cluster/free-port.ts';
import { environmentWith } from '../../setup/env.ts';
import { type ProcessUsage, processUsage } from '../harness/processes.ts';
import { parseMetrics, type Sample } from './metrics-page.ts';

const CLI = join(import.meta.dirname, '../..', 'cli.ts');
const IMAGE = `carpal@sha256:${'0'.repeat(64)}`;
const POLL_MS = 100;

export type OperatorProcess = {
  readonly pid: number;
  /** The time of its start, by `performance.now()`. */
  readonly startedMs: number;
  /** Its current metrics; undefined if it does not answer. */
  samples(): Promise<readonly Sample[] | undefined>;
  /** The first metrics for which `isSo` is true. Rejects if the process ends before. */
  until(isSo: (samples: readonly Sample[]) => boolean, pollMs?: number): Promise<readonly Sample[]>;
  usage(): Promise<ProcessUsage>;
  hasEnded(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<void>;
};

export type OperatorProcessOptions = {
  readonly kubeconfig: string;
  readonly artifacts: string;
  /** The namespace of the Lease. */
  readonly namespace: string;
  readonly logFile: string;
  /** Arguments of the operator's command line, such as `--workers`. */
  readonly args?: readonly string[];
  /** Arguments of Node, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
  /** The environment, to which the Deployment's settings are added; by default that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
};

/** Starts the process. It may not be the leader yet when this returns. */
export async function startOperatorProcess(options: OperatorProcessOptions): Promise<OperatorProcess> {
  const { kubeconfig, artifacts, namespace, logFile, args = [], nodeArgs = [], env } = options;
  const port = await freePort();
  const startedMs = performance.now();
  const child = await startChild({
    program: process.execPath,
    args: [
      '--disable-warning=ExperimentalWarning',
      ...nodeArgs,
      CLI,
      'operator',
      ...['--kubeconfig', kubeconfig, '--artifacts', artifacts, '--image', IMAGE, '--service-account', 'default'],
      ...['--namespace', namespace, '--port', String(port), ...args],
    ],
    logFile,
    env: { ...(env ?? environmentWith({})), ...MEMORY_SETTINGS },
  });
  const samples = async (): Promise<readonly Sample[] | undefined> => {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(10_000) });
      return answer.ok ? parseMetrics(await answer.text()) : undefined;
    } catch {
      // The port is not open yet, or the process has ended.
      return undefined;
    }
  };
  return {
    pid: child.pid,
    startedMs,
    samples,
    until: async (isSo, pollMs = POLL_MS) => {
      for (;;) {
        const seen = await samples();
        if (seen !== undefined && isSo(seen)) return seen;
        if (child.hasEnded()) throw new Error(`the operator has ended:\n${await child.tail(8)}`);
        await pause(pollMs);
      }
    },
    usage: () => processUsage(child.pid),
    hasEnded: child.hasEnded,
    kill: child.kill,
    stop: async () => {
      child.kill('SIGTERM');
      await child.ended;
    },
  };
}
