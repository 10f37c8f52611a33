/** The process of a trial (see trial.ts): receives a request, sends the answer, and ends when its parent process ends. */
import { writeFileSync } from 'node:fs';
import { messageOf } from '@carpal/configs/errors.ts';
import { measureSteps } from './measure-steps.ts';
import type { StepEstimate, TrialAdvance, TrialAnswer, TrialMessage } from './trial.ts';

/** If memory runs out, the kernel must end this process before any other. */
function preferForOomKiller(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Not Linux, or not allowed. The parent still watches the memory.
  }
}

function answerTo({ limitMb, ...request }: TrialMessage): TrialAnswer {
  try {
    const send = (message: StepEstimate | TrialAdvance): void => void process.send?.(message);
    const onAdvance = (): void => send({ kind: 'advance' });
    return measureSteps(request, { now: () => performance.now(), limitMb, onEstimate: send, onAdvance });
  } catch (error) {
    return { kind: 'error', message: messageOf(error) };
  }
}

preferForOomKiller();
process.once('message', (request: TrialMessage) => process.send?.(answerTo(request), () => process.exit(0)));
process.once('disconnect', () => process.exit(0));
