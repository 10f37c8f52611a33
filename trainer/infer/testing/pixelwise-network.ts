import type { Voter } from '../image-logits.ts';

/** One run of the network: the number of images and their side. */
export type SeenRun = { readonly count: number; readonly size: number };

/** A network whose logits depend on single pixels only: logit (k + 1) · (v − 0.5) · 8 for class k. `runs` records its inputs. */
export function pixelwiseNetwork(inputSize: number, classes: number, sizeMultiple = 1): Voter & { readonly runs: SeenRun[] } {
  const runs: SeenRun[] = [];
  return {
    inputSize,
    imageSize: inputSize,
    sizeMultiple,
    runs,
    predictor: {
      run: (images, count, size) => {
        if (images.length !== count * size * size) throw new RangeError(`${images.length} values are not ${count} images of ${size}²`);
        runs.push({ count, size });
        return Float32Array.from(
          { length: images.length * classes },
          (_, i) => ((i % classes) + 1) * 8 * ((images[Math.floor(i / classes)] as number) - 0.5),
        );
      },
      dispose: () => undefined,
    },
  };
}

/** A smooth image of waves, 0..255: at every size the same image, with aligned pixel centres. Each `phase` results in a different one. */
export function waves(size: number, phase: number): Uint8Array {
  return Uint8Array.from({ length: size * size }, (_, i) => {
    const [x, y] = [((i % size) + 0.5) / size, (Math.floor(i / size) + 0.5) / size];
    return Math.round(127.5 + 60 * Math.sin(5 * x + phase) + 60 * Math.cos(4 * y - 2 * phase));
  });
}
