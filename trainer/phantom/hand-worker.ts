import { parentPort, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { sendError } from '../data/sent-error.ts';
import type { HandFiles } from './file-plan.ts';
import type { FromHandWorker, HandWorkerData } from './hand-message.ts';
import { makeTextures } from './texture.ts';
import { writeHand } from './write-hand.ts';

// The workers themselves are the parallelism.
sharp.concurrency(1);

const { folder, seed, size } = workerData as HandWorkerData;
const textures = makeTextures(seed);
const port = parentPort;

port?.on('message', (files: HandFiles) => {
  writeHand(folder, files, seed, size, textures).then(
    () => port.postMessage({ error: undefined } satisfies FromHandWorker),
    (error: unknown) => port.postMessage({ error: sendError(error) } satisfies FromHandWorker),
  );
});
