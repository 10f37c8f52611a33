import type { OptionValue } from './model.ts';
import { MODELS } from './registry.ts';

/** What `carpal models` tells of a network. */
export type ModelDescription = {
  readonly name: string;
  readonly summary: string;
  /** Number of trainable values. */
  readonly parameters: number;
  /** Height, width, classes of the logits of one image. */
  readonly outputShape: readonly [number, number, number];
  /** Options with their defaults. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Sizes that the network takes are multiples of this. */
  readonly sizeMultiple: number;
};

/** Every network of the registry at its default options, for this many classes and images of this size. */
export function describeModels(classes: number, size: number): ModelDescription[] {
  return MODELS.map(({ name, summary, build }) => {
    const model = build({ options: {}, classes, seed: 0 });
    model.dispose();
    const { parameterCount, options, sizeMultiple } = model;
    return { name, summary, parameters: parameterCount, outputShape: [size, size, classes], options, sizeMultiple };
  });
}
