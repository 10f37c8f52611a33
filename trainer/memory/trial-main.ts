/** The process of a trial: takes a request by message, answers by message, and ends with whoever asked. */
import { writeFileSync } from 'node:fs';
import { messageOf } from '@carpal/configs/message-of.ts';
import { measureSteps } from './measure-steps.ts';
import type { TrialAnswer, TrialMessage } from './trial.ts';

/** Where memory gives out, the kernel is to end this process before any other. */
function volunteer(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Not Linux, or not allowed: then whoever asked watches alone.
  }
}

function answerTo({ limitMb, ...request }: TrialMessage): TrialAnswer {
  try {
    return measureSteps(request, { now: () => performance.now(), limitMb, onForetold: (foretold) => process.send?.(foretold) });
  } catch (error) {
    return { kind: 'error', message: messageOf(error) };
  }
}

volunteer();
process.once('message', (request: TrialMessage) => process.send?.(answerTo(request), () => process.exit(0)));
process.once('disconnect', () => process.exit(0));
