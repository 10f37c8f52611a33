import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../cli.ts', import.meta.url));

export type Ending = {
  readonly code: number | null;
  readonly killedBy: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};
export type Running = { readonly process: ChildProcess; readonly ended: Promise<Ending>; printed(text: string): Promise<void> };

/** The words that call carpal in a separate process. */
export function carpal(...words: readonly string[]): readonly string[] {
  return [process.execPath, '--disable-warning=ExperimentalWarning', CLI, ...words];
}

/** Starts a command in a folder. `printed` waits until its output contains a text, and throws if it ends without it. */
export function start(command: readonly string[], cwd: string): Running {
  const [program = '', ...words] = command;
  const child = spawn(program, words, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  const waiting = new Set<() => void>();
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const look of waiting) look();
  });
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject).once('close', (code, killedBy) => resolve({ code, killedBy, stdout, stderr }));
  });
  const printed = (text: string): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (!stdout.includes(text)) return;
      waiting.delete(look);
      resolve();
    };
    waiting.add(look);
    look();
    ended.then(() => reject(new Error(`ended without "${text}":\n${stdout}${stderr}`)), reject);
    return promise;
  };
  return { process: child, ended, printed };
}

let running = 0;
const queue: (() => void)[] = [];

/** Runs a command to its end; at most two run concurrently. */
export async function run(command: readonly string[], cwd: string): Promise<Ending> {
  if (running >= 2) await new Promise<void>((resolve) => queue.push(resolve));
  running += 1;
  try {
    return await start(command, cwd).ended;
  } finally {
    running -= 1;
    queue.shift()?.();
  }
}
