/**
 * Loaded before a stage (`node --import`), so that no stage outlives its runner as a second writer. The stage waits for the runner's word on
 * standard input, which comes once the runner has recorded the process; and when the runner is gone, by whatever means, the pipe closes and
 * the stage gets a SIGTERM, as if somebody had asked it to stop: it leaves a checkpoint.
 */
import { isMainThread } from 'node:worker_threads';

/** Processes that the stage starts itself answer to the stage, not to the runner. */
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
  // Listening must not keep a finished stage alive.
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
}
