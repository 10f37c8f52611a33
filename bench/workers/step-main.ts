/** One side of the step benchmark, in a process of its own: carpal's training step as `fold` runs it. Prints what pytorch_step.py prints. */
import { openBenchStep } from './training-step.ts';
import { isEnough } from '../harness/effort.ts';
import type { StepRequest } from '../cases/step.ts';

const request = JSON.parse(process.argv[2] ?? '{}') as StepRequest;
const { count, warmup, effort } = request;
const { run, parameters } = openBenchStep(request);
for (let index = 0; index < warmup; index++) run();
const seconds: number[] = [];
while (!isEnough(seconds, effort)) {
  const start = performance.now();
  run();
  seconds.push((performance.now() - start) / 1000);
}
process.stdout.write(`${JSON.stringify({ seconds, items: count, peakMb: process.resourceUsage().maxRSS / 1000, parameters })}\n`);
