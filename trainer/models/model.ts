import type { ModelOptions } from '@carpal/configs/schema/experiment.ts';
import type { Tensor, Tensor4D } from '../engine/tensorflow.ts';
import type { ModelVariable } from './layers/variables.ts';

/** The options of a manifest, and `training.deepSupervision`: further heads that only train. Each network takes some of them (registry.ts). */
export type NetworkOptions = Readonly<ModelOptions> & { readonly deepSupervision?: boolean | undefined };

/** How RAPUNet makes its output. */
export type RapuNetHead = NonNullable<ModelOptions['head']>;

/** What an option may be. */
export type OptionValue = number | string | boolean;

/** A network with its weights, which hold device memory until `dispose`. */
export type Model = {
  readonly name: string;
  /** The options with every default filled in. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Number of classes, the channels of every head. */
  readonly classes: number;
  /** In the order of the layers. */
  readonly variables: readonly ModelVariable[];
  /** Number of trainable values. */
  readonly parameterCount: number;
  /** Height and width of an image must be multiples of this. */
  readonly sizeMultiple: number;
  /** Whether training draws random numbers (dropout), so that `forward` wants a seed. */
  readonly draws: boolean;
  /**
   * Logits `[batch, height, width, classes]` of images `[batch, height, width, 1]` in 0..1. The first head is the answer, others only train.
   * `training` normalises by the batch and updates the moving averages; without it the moving averages normalise. `seed`, two int32 values
   * that are other ones in every step, decides what training drops; without it nothing is dropped.
   */
  forward(images: Tensor4D, training: boolean, seed?: Tensor): readonly Tensor4D[];
  dispose(): void;
};

/** What a network is built from. */
export type ModelBuild = {
  readonly options: NetworkOptions;
  readonly classes: number;
  /** The first weights follow from the seed and the names of the variables alone. */
  readonly seed: number;
};
