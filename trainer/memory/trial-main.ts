/** The process of a trial (see trial.ts): receives a request, sends the answer, and ends when its parent process ends. */
import { writeFileSync } from 'node:fs';
import { messageOf } from '@carpal/configs/errors.ts';
import { pinStageThreads } from './stage-threads.ts';
import type { StepEstimate, TrialAdvance, TrialAnswer, TrialMessage } from './trial.ts';

/** If memory runs out, the kernel must end this process before any other. */
function preferForOomKiller(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Not Linux, or not allowed. The parent still watches the memory.
  }
}

async function answerTo({ limitMb, ...request }: TrialMessage): Promise<TrialAnswer> {
  try {
    pinStageThreads(request.spec, 'fold');
    // TensorFlow reads the number of threads when it loads.
    const { measureSteps } = await import('./measure-steps.ts');
    const send = (message: StepEstimate | TrialAdvance): void => void process.send?.(message);
    const onAdvance = (): void => send({ kind: 'advance' });
    return measureSteps(request, { now: () => performance.now(), limitMb, onEstimate: send, onAdvance });
  } catch (error) {
    return { kind: 'error', message: messageOf(error) };
  }
}

preferForOomKiller();
process.once('message', (request: TrialMessage) => {
  void answerTo(request).then((answer) => process.send?.(answer, () => process.exit(0)));
});
process.once('disconnect', () => process.exit(0));
