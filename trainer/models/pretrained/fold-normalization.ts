import type { NamedArray } from '../../engine/named-arrays.ts';

/** What torchvision and timm subtract from, and divide, the red, green and blue values in 0..1 by. */
export const IMAGENET = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] } as const;

type FirstLayer = { readonly kernel: NamedArray; readonly movingMean: NamedArray };

/**
 * The kernel `[height, width, 3, to]` of a first convolution and the moving mean of the normalisation after it, trained on normalised colour
 * images, for grey images in 0..1: the division goes into the kernel, what was subtracted into the mean. Both answers are equal except where
 * the kernel reaches beyond the image: there grey 0 is seen, which is the background of a radiograph, instead of the mean colour.
 */
export function foldNormalization({ kernel, movingMean }: FirstLayer): FirstLayer {
  const to = movingMean.data.length;
  const folded = new Float32Array(kernel.data.length);
  const mean = Float64Array.from(movingMean.data);
  for (let index = 0; index < folded.length; index++) {
    const channel = Math.floor(index / to) % 3;
    const value = (kernel.data[index] as number) / (IMAGENET.deviation[channel] as number);
    folded[index] = value;
    mean[index % to] = (mean[index % to] as number) + value * (IMAGENET.mean[channel] as number);
  }
  return { kernel: { shape: kernel.shape, data: folded }, movingMean: { shape: movingMean.shape, data: Float32Array.from(mean) } };
}
