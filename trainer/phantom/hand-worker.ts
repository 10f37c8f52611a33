import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { randomFor } from '@carpal/masks/random.ts';
import sharp from 'sharp';
import { type SentError, sendError } from '../data/thread-error.ts';
import { annotationDocument } from './annotation-document.ts';
import { assembleHand } from './hand.ts';
import { drawPerson } from './person.ts';
import type { HandFiles } from './phantom-set.ts';
import { renderHand } from './render-hand.ts';
import { makeTextures, type Textures } from './texture.ts';

/** The data that starts a worker. It then receives one HandFiles per message. */
export type HandWorkerData = { readonly folder: string; readonly seed: number; readonly size: number };

/** The worker's answer to each message: done, or an error. */
export type FromHandWorker = { readonly error: SentError | undefined };

/** zlib's level: noise hardly compresses. A higher level takes seconds more per set and saves only a few per cent. */
const COMPRESSION_LEVEL = 2;

// The workers already run in parallel.
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

/**
 * Writes the annotation of one hand, then its radiograph (grey in three channels), under `folder`: if the image exists, so does the
 * annotation. Throws `disk-full` or `folder-unwritable` with the path.
 */
async function writeHand(folder: string, files: HandFiles, seed: number, size: number, textures: Textures): Promise<void> {
  const hand = assembleHand(seed, drawPerson(seed, files.number, files.half), files.side);
  const random = randomFor(seed, 'annotation', files.number, files.side);
  const document = annotationDocument(hand, size, files.name, random);
  await writeFileAtomically(join(folder, files.annotation), `${JSON.stringify(document)}\n`);
  const grey = renderHand(hand, size, seed, textures);
  const png = await sharp(grey, { raw: { width: size, height: size, channels: 1 } })
    .toColourspace('srgb')
    .png({ compressionLevel: COMPRESSION_LEVEL })
    .toBuffer();
  await writeFileAtomically(join(folder, files.image), png);
}
