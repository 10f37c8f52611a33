/** Many training steps in one process, and the memory that it holds early and at the end. */
import { tf } from '@carpal/trainer/engine/tensorflow.ts';
import type { GrowthRequest, Holdings } from '../cases/memory-growth.ts';
import { openStep } from './training-step.ts';

const request = JSON.parse(process.argv[2] ?? '{}') as GrowthRequest;
const { steps, window } = request;
const { run } = openStep(request);

/** The lowest resident memory over this many steps (uncollected garbage is not growth), and the number of tensors after them. */
function holdingsOver(count: number): Holdings {
  let rssBytes = Number.POSITIVE_INFINITY;
  for (let index = 0; index < count; index++) {
    run();
    rssBytes = Math.min(rssBytes, process.memoryUsage.rss());
  }
  return { rssMb: rssBytes / 1e6, tensors: tf.memory().numTensors };
}

const [early, late] = [steps.early, steps.all].map((until, index) => {
  const done = index === 0 ? 0 : steps.early;
  for (let step = done; step < until - window; step++) run();
  return holdingsOver(window);
});
process.stdout.write(`${JSON.stringify({ early, late })}\n`);
