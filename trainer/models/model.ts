import type { ModelOptions } from '@carpal/configs/schema/experiment.ts';
import type { Tensor, Tensor4D } from '../engine/tensorflow.ts';
import type { ModelVariable } from './layers/variables.ts';

/**
 * The options of a manifest, and `training.deepSupervision`: additional heads that are only used in training. Each network accepts some of
 * them (registry.ts).
 */
export type NetworkOptions = Readonly<ModelOptions> & { readonly deepSupervision?: boolean | undefined };

/** How RAPUNet computes its output. */
export type RapuNetHead = NonNullable<ModelOptions['head']>;

/** The type of an option's value. */
export type OptionValue = number | string | boolean;

/** A network with its weights. They occupy device memory until `dispose`. */
export type Model = {
  readonly name: string;
  /** The options with every default filled in. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Number of classes, which is the number of channels of every head. */
  readonly classes: number;
  /** In the order of the layers. */
  readonly variables: readonly ModelVariable[];
  /** Number of trainable values. */
  readonly parameterCount: number;
  /** Height and width of an image must be multiples of this number. */
  readonly sizeMultiple: number;
  /** Whether training draws random numbers (dropout), so that `forward` needs a seed. */
  readonly draws: boolean;
  /**
   * Logits `[batch, height, width, classes]` of images `[batch, height, width, 1]` with values in 0..1. The first head is the output;
   * others are only used in training. With `training`, normalisation uses the statistics of the batch and updates the moving averages;
   * without it, it uses the moving averages. `seed`, two int32 values that differ in every step, determines dropout; without it nothing is
   * dropped.
   */
  forward(images: Tensor4D, training: boolean, seed?: Tensor): readonly Tensor4D[];
  dispose(): void;
};

/** The input for building a network. */
export type ModelBuild = {
  readonly options: NetworkOptions;
  readonly classes: number;
  /** The initial weights depend only on the seed and the names of the variables. */
  readonly seed: number;
};
