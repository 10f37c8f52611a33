import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { randomFor } from '@carpal/masks/random.ts';
import sharp from 'sharp';
import { annotationDocument } from './annotation-document.ts';
import type { HandFiles } from './file-plan.ts';
import { assembleHand } from './hand.ts';
import { drawPerson } from './person.ts';
import { renderHand } from './render-hand.ts';
import type { Textures } from './texture.ts';

/** zlib's level: noise does not compress, and a higher level costs seconds a set for a few per cent. */
const COMPRESSION_LEVEL = 2;

/**
 * Makes one hand's annotation, then its radiograph (grey in three channels), under `folder`; where the image is, the annotation is too.
 * Throws `disk-full` or `folder-unwritable` with the path.
 */
export async function writeHand(folder: string, files: HandFiles, seed: number, size: number, textures: Textures): Promise<void> {
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
