import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { Polygon } from '@carpal/masks/fill-polygon.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import { IDENTITY } from '@carpal/masks/warp.ts';
import { readAnnotation } from '@carpal/report/dataset/annotation.ts';
import type { Sample } from '@carpal/report/dataset/discover.ts';
import { readRadiograph } from '@carpal/report/dataset/read-radiograph.ts';
import type { Tile } from '@carpal/report/images/contact-sheet.ts';
import { ImageAugmenter } from './augment-image.ts';
import { augmentationRandom, carpalIndexes, type DrawnAugmentation, drawAugmentation } from './augmentations.ts';
import { warpedOutlines } from './fill-target.ts';
import { resizeToSquare } from './resize-image.ts';

export type PreviewOptions = {
  readonly spec: SegmentationExperiment['spec'];
  readonly classes: readonly string[];
  /** The epochs to show. Each shows bit for bit what the training of a fold sees of the image in that epoch. */
  readonly epochs: readonly number[];
};

const UNCHANGED: DrawnAugmentation = { passes: [], warp: [], notes: [] };

/**
 * A training image as the network sees it: first without augmentation, then as in each of the epochs, with the outlines of its classes. An
 * image without annotation has no outlines. Throws what {@link readRadiograph} and {@link readAnnotation} throw.
 */
export async function previewTiles(sample: Sample, { spec, classes, epochs }: PreviewOptions): Promise<Tile[]> {
  const { size } = spec.input;
  const radiograph = await readRadiograph(sample.imagePath);
  const fit = squareFit(radiograph.width, radiograph.height, size);
  const pixels = resizeToSquare(radiograph, fit);
  // The polygons are rounded to float32, as in a prepared set.
  const polygons: Polygon[] =
    sample.annotationPath === undefined ? [] : (await readAnnotation(sample.annotationPath, classes)).map((one) => Float32Array.from(one));
  const carpals = carpalIndexes(classes);
  const subject = { width: radiograph.width, height: radiograph.height, carpals: polygons.filter((_, index) => carpals.has(index)) };
  const augmenter = new ImageAugmenter(size);
  const tile = (title: string, drawn: DrawnAugmentation): Tile => {
    const image = new Float32Array(size * size);
    augmenter.run(pixels, fit, drawn.passes, image);
    // The identity map puts unmoved outlines on the same canvas as moved ones, the canvas of the square.
    const { outlines, width, height } = warpedOutlines(polygons, radiograph, fit, drawn.warp.length === 0 ? [IDENTITY] : drawn.warp);
    return { image, size, outlines, width, height, title, notes: drawn.notes };
  };
  return [
    tile(polygons.length === 0 ? 'as prepared, no annotation' : 'as prepared', UNCHANGED),
    ...epochs.map((epoch) => {
      const randomOf = augmentationRandom(spec.training.seed, epoch, sample.imageName);
      const drawn = drawAugmentation(spec.augmentations, subject, randomOf);
      return tile(`epoch ${epoch}`, drawn.notes.length === 0 ? { ...drawn, notes: ['nothing drawn'] } : drawn);
    }),
  ];
}
