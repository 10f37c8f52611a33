/** carpal's side of the step cases, in its own process. Prints the JSON that pytorch_step.py prints, without shortcuts. */
import type { TimedStepRequest } from '../cases/step.ts';
import { isEnough } from '../harness/measure.ts';
import { openStep } from './training-step.ts';

const request = JSON.parse(process.argv[2] ?? '{}') as TimedStepRequest;
const { count, warmup, effort } = request;
const { run, parameters } = openStep(request);
for (let index = 0; index < warmup; index++) run();
const seconds: number[] = [];
while (!isEnough(seconds, effort)) {
  const start = performance.now();
  run();
  seconds.push((performance.now() - start) / 1000);
}
process.stdout.write(`${JSON.stringify({ seconds, items: count, peakMb: process.resourceUsage().maxRSS / 1000, parameters })}\n`);
