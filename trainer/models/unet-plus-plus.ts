import { upsampleNearest2x } from '../engine/ops/upsample.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { defineModel } from './define-model.ts';
import { ENCODERS, type EncoderName } from './encoder.ts';
import { doubleConv } from './layers/conv-norm.ts';
import { head } from './layers/head.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild } from './model.ts';

/** The encoder halves the size five times. */
const SIZE_MULTIPLE = 32;
/** Channels of the results of the rows, from 1/16 of the size to the full size. */
const DECODER_WIDTHS = [256, 128, 64, 32, 16] as const;
const HEAD_KERNEL = 3;

type Chosen = { readonly encoder: EncoderName; readonly divisor: number };

/**
 * UNet++ (Zhou et al. 2018) on an encoder (encoder.ts), built as in segmentation_models.pytorch: 26,082,669 parameters at 29 classes on
 * ResNet-34, 48,989,805 on ResNet-50. Node (step, row) has the size of the encoder's features of its row (row 0 is 1/16, row 3 is 1/2). Its input is a
 * concatenation of three parts: the node of the same step one row below, resized by nearest neighbour (for the first node of a row, the
 * encoder's features of the row below); all earlier nodes of its row, newest first; and the encoder's features of the row. Two 3×3
 * convolutions follow, each with normalisation and ReLU. A last node without skip connections has the full size (on ConvNeXt, which has no
 * features at 1/2, there is another such node at that size), and a 3×3 convolution
 * computes the logits from it. `divisor` divides all widths. The encoder accepts pretrained weights (pretrained/encoders.ts).
 */
export function buildUNetPlusPlus({ options, classes, seed }: ModelBuild): Model {
  const chosen: Chosen = { encoder: options.encoder ?? 'ResNet34', divisor: options.divisor ?? 1 };
  return defineModel({ name: 'UNetPlusPlus', options: chosen, classes, sizeMultiple: SIZE_MULTIPLE }, (variables) =>
    unetPlusPlusLayers(variableMaker(seed, variables), classes, chosen),
  );
}

/** The layers and their variables. */
export function unetPlusPlusLayers(make: VariableMaker, classes: number, { encoder, divisor }: Chosen) {
  const divided = (width: number): number => Math.max(1, Math.floor(width / divisor));
  const { widths, features: encode } = ENCODERS[encoder](make, divisor);
  const [deepest, ...skips] = [...widths].reverse() as [number, ...number[]];
  const answers = DECODER_WIDTHS.map(divided);
  const last = skips.length;

  // A node of step 0 has the channels of the row's result, which the next row uses. The others keep the channels of the encoder's features.
  const rows = skips.map((skip, row) =>
    Array.from({ length: row + 1 }, (_, step) => {
      const below = step === 0 && row > 0 ? (answers[row - 1] as number) : (skips[row - 1] ?? deepest);
      const to = step === 0 ? (answers[row] as number) : skip;
      return doubleConv(make, `node${step}_${row}`, { from: below + skip * (row + 1 - step), to });
    }),
  );
  const rest = answers
    .slice(last)
    .map((to, index) => doubleConv(make, `node0_${last + index}`, { from: answers[last + index - 1] as number, to }));
  const answer = head(make, 'head', answers.at(-1) as number, classes, HEAD_KERNEL);

  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    const [bottom, ...features] = [...encode(images, training)].reverse() as [Tensor4D, ...Tensor4D[]];
    /** The nodes of the row below, in order of their steps, followed by the encoder's features. */
    let below: readonly Tensor4D[] = [bottom];
    for (const [row, nodes] of rows.entries()) {
      const made: Tensor4D[] = [features[row] as Tensor4D];
      for (const [step, node] of [...nodes.entries()].reverse()) {
        made.unshift(tf.tidy(() => node(tf.concat4d([upsampleNearest2x(below[step] as Tensor4D), ...made], 3), training)));
      }
      below = made;
    }
    let x = below[0] as Tensor4D;
    for (const grow of rest) x = tf.tidy(() => grow(upsampleNearest2x(x), training));
    return [tf.tidy(() => answer(x))];
  };
}
