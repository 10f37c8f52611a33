import type { CropSpec, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { Polygon } from '@carpal/masks/fill-polygon.ts';
import { cropFit, squareFit } from '@carpal/masks/fit.ts';
import type { Random } from '@carpal/masks/random.ts';
import { IDENTITY, translation, warpPolygon } from '@carpal/masks/warp.ts';
import { readAnnotation } from '@carpal/report/dataset/annotation.ts';
import type { Sample } from '@carpal/report/dataset/discover.ts';
import { type GreyRange, greyRange } from '@carpal/report/dataset/grey-range.ts';
import type { Radiograph } from '@carpal/report/dataset/radiograph.ts';
import { readRadiograph } from '@carpal/report/dataset/read-radiograph.ts';
import type { Tile } from '@carpal/report/images/contact-sheet.ts';
import { ImageAugmenter } from './augment-image.ts';
import { augmentationRandom, carpalIndexes, type DrawnAugmentation, drawAugmentation } from './augmentations.ts';
import { cropRandom, drawCrop } from './draw-crop.ts';
import { warpedOutlines } from './fill-target.ts';
import { resizeToSquare } from './resize-image.ts';

export type PreviewOptions = {
  readonly spec: SegmentationExperiment['spec'];
  readonly classes: readonly string[];
  /** The epochs to show. Each shows bit for bit what the training of a fold sees of the image in that epoch. */
  readonly epochs: readonly number[];
};

/** An image for the network, and the outlines on its canvas. */
type Shown = Pick<Tile, 'image' | 'outlines' | 'width' | 'height'> & { readonly notes: readonly string[] };
type Show = (drawn: DrawnAugmentation, epoch: number) => Shown;

/**
 * A training image as the network sees it: first the whole image without augmentation, then as in each of the epochs, with the outlines of
 * its classes. With crops, an epoch shows the crop that it trains on. An image without annotation has no outlines. Throws what {@link
 * readRadiograph} and {@link readAnnotation} throw.
 */
export async function previewTiles(sample: Sample, { spec, classes, epochs }: PreviewOptions): Promise<Tile[]> {
  const { input, augmentations, training } = spec;
  const radiograph = await readRadiograph(sample.imagePath);
  // The polygons are rounded to float32, as in a prepared set.
  const polygons: Polygon[] =
    sample.annotationPath === undefined ? [] : (await readAnnotation(sample.annotationPath, classes)).map((one) => Float32Array.from(one));
  const carpals = carpalIndexes(classes);
  const { width, height } = radiograph;
  const subject = { width, height, carpals: polygons.filter((_, index) => carpals.has(index)) };
  const { size, normalize } = input;
  const range = greyRange(radiograph, normalize);
  const view: PreviewedImage = { radiograph, range, polygons, classes, carpals, augmenter: new ImageAugmenter(size), size };
  const whole = showWhole(view);
  const inEpoch = input.crop ? showCrop(view, input.crop, (epoch) => cropRandom(training.seed, epoch, sample.imageName)) : whole;
  const tile = (title: string, shown: Shown): Tile => ({ ...shown, size, title });
  return [
    tile(polygons.length === 0 ? 'as prepared, no annotation' : 'as prepared', whole({ passes: [], warp: [], notes: [] }, 0)),
    ...epochs.map((epoch) => {
      const drawn = drawAugmentation(augmentations, subject, augmentationRandom(training.seed, epoch, sample.imageName));
      const shown = inEpoch(drawn, epoch);
      return tile(`epoch ${epoch}`, shown.notes.length === 0 ? { ...shown, notes: ['nothing drawn'] } : shown);
    }),
  ];
}

type PreviewedImage = {
  readonly radiograph: Radiograph;
  readonly range: GreyRange;
  readonly polygons: readonly Polygon[];
  readonly classes: readonly string[];
  readonly carpals: ReadonlySet<number>;
  readonly augmenter: ImageAugmenter;
  /** Side of the network's input. */
  readonly size: number;
};

function showWhole({ radiograph, range, polygons, augmenter, size }: PreviewedImage): Show {
  const fit = squareFit(radiograph.width, radiograph.height, size);
  const pixels = resizeToSquare(radiograph, fit, range);
  return ({ passes, warp, notes }) => {
    const image = new Float32Array(size * size);
    augmenter.run(pixels, fit, passes, image);
    // The identity map puts unmoved outlines on the same canvas as moved ones, the canvas of the square.
    const { outlines, width, height } = warpedOutlines(polygons, radiograph, fit, warp.length === 0 ? [IDENTITY] : warp);
    return { image, outlines, width, height, notes };
  };
}

function showCrop(
  { radiograph, range, polygons, classes, carpals, augmenter, size }: PreviewedImage,
  spec: CropSpec,
  randomOf: (epoch: number) => Random,
): Show {
  const fit = squareFit(radiograph.width, radiograph.height, spec.imageSize);
  const pixels = resizeToSquare(radiograph, fit, range);
  return (drawn, epoch) => {
    const moved = warpedOutlines(polygons, radiograph, fit, drawn.warp);
    const crop = drawCrop(spec, { moved, carpals, image: radiograph, fit }, randomOf(epoch));
    const image = new Float32Array(size * size);
    augmenter.runCrop((top, bottom) => pixels.subarray(top * fit.size, bottom * fit.size), fit, drawn, crop, image);
    const { scale, offsetX, offsetY } = cropFit(moved.fit, crop);
    const outlines = moved.outlines.map((outline) => warpPolygon(outline, translation(-offsetX, -offsetY)));
    const side = Math.round(size * scale);
    const reason = crop.classIndex === undefined ? '' : ` for ${classes[crop.classIndex]}`;
    return { image, outlines, width: side, height: side, notes: [...drawn.notes, `crop at ${crop.left}, ${crop.top}${reason}`] };
  };
}
