/**
 * Loaded before a stage (`node --import`), so that no stage outlives its runner as a second writer. The stage waits until the runner has
 * recorded the process and writes to the stage's standard input. When the runner is gone for any reason, that pipe closes and the stage
 * gets a SIGTERM, as if it had been asked to stop: it leaves a checkpoint.
 */
import { isMainThread } from 'node:worker_threads';

/** Child processes of the stage depend on the stage, not on the runner. */
function forgetThisImport(): void {
  const flag = process.execArgv.indexOf('--import');
  if (flag >= 0) process.execArgv.splice(flag, 2);
}

if (isMainThread) {
  forgetThisImport();
  const { stdin } = process;
  const stop = (): void => {
    process.kill(process.pid, 'SIGTERM');
  };
  await new Promise<void>((resolve) => {
    stdin.once('data', () => resolve());
    stdin.once('end', stop).once('error', stop);
  });
  stdin.resume();
  // The listener must not keep a finished stage alive.
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
}
