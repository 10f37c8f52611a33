/** The thread that compares masks: answers each image, in order, with its Dice or an error. */
import { parentPort, workerData } from 'node:worker_threads';
import { openPrepared } from '@carpal/report/dataset/prepared-set.ts';
import { sendError } from '../data/thread-error.ts';
import type { FromDiceWorker, ToDiceWorker } from './dice-thread.ts';
import { type DiceSettings, imageDice, TruthMasks } from './image-dice.ts';

const settings = workerData as DiceSettings;
let truth: TruthMasks | undefined;
let before = Promise.resolve();

async function answerTo({ sample, logits }: ToDiceWorker): Promise<FromDiceWorker> {
  try {
    truth ??= new TruthMasks(await openPrepared(settings.preparedFolder));
    return { dice: imageDice(logits, sample, await truth.of(sample), settings) };
  } catch (error) {
    return { error: sendError(error) };
  }
}

parentPort?.on('message', (image: ToDiceWorker) => {
  before = before.then(async () => parentPort?.postMessage(await answerTo(image)));
});
