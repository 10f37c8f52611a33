import type { Tensor4D, Variable } from '../engine/tensorflow.ts';

/** A weight or a moving average, by the name under which it is saved. */
export type ModelVariable = { readonly name: string; readonly variable: Variable; readonly trainable: boolean };

/** Options of all networks; each network says which of them it takes (registry.ts). */
export type ModelOptions = { readonly width?: number | undefined; readonly depth?: number | undefined };

/** A network with its weights, which hold device memory until `dispose`. */
export type Model = {
  readonly name: string;
  /** The options with every default filled in. */
  readonly options: Readonly<Record<string, number>>;
  /** Number of classes, the channels of every head. */
  readonly classes: number;
  /** In the order of the layers. */
  readonly variables: readonly ModelVariable[];
  /** Number of trainable values. */
  readonly parameterCount: number;
  /** Height and width of an image must be multiples of this. */
  readonly sizeMultiple: number;
  /**
   * Logits `[batch, height, width, classes]` of images `[batch, height, width, 1]` in 0..1. The first head is the answer, others only train.
   * `training` normalises by the batch and updates the moving averages; without it the moving averages normalise.
   */
  forward(images: Tensor4D, training: boolean): readonly Tensor4D[];
  dispose(): void;
};

/** What a network is built from. */
export type ModelBuild = {
  readonly options: ModelOptions;
  readonly classes: number;
  /** The first weights follow from the seed and the names of the variables alone. */
  readonly seed: number;
};
