/** Many training steps in one process, and what it holds early on and at their end. */
import { tf } from '@carpal/trainer/engine/tensorflow.ts';
import { openBenchStep } from './training-step.ts';
import type { FlatRequest, Holdings } from '../cases/memory-growth.ts';

const request = JSON.parse(process.argv[2] ?? '{}') as FlatRequest;
const { steps, window } = request;
const { run } = openBenchStep(request);

/** Over so many steps the least resident memory (what garbage waits for its collector is no growth), and the tensors at their end. */
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
