/** A thread that scores masks: answers each part of an image, in order, with the scores of its classes or an error. */
import { parentPort, workerData } from 'node:worker_threads';
import { openPrepared, type PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { sendError } from '../data/thread-error.ts';
import { TriedThresholds } from '../infer/tried-thresholds.ts';
import { scoreParts } from './score-parts.ts';
import type { FromScoringWorker, ScoringSettings, ToScoringWorker } from './scoring-threads.ts';

const settings = workerData as ScoringSettings;
const tried = new TriedThresholds(settings.threshold);
let prepared: PreparedSet | undefined;
let before = Promise.resolve();

async function answerTo({ sample, parts }: ToScoringWorker): Promise<FromScoringWorker> {
  try {
    prepared ??= await openPrepared(settings.preparedFolder);
    return { scores: await scoreParts(prepared, sample, parts, tried) };
  } catch (error) {
    return { error: sendError(error) };
  }
}

parentPort?.on('message', (message: ToScoringWorker) => {
  before = before.then(async () => parentPort?.postMessage(await answerTo(message)));
});
