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
/** Channels of the levels of the decoder, from 1/16 of the size to the full size. */
const DECODER_WIDTHS = [256, 128, 64, 32, 16] as const;
const HEAD_KERNEL = 3;

type Chosen = { readonly encoder: EncoderName; readonly divisor: number };

/**
 * The decoder of U-Net (Ronneberger et al. 2015) on an encoder (encoder.ts), built as Unet in segmentation_models.pytorch: 24,440,429
 * parameters at 29 classes on ResNet-34. Each of five levels doubles the size by nearest neighbour, appends the encoder's features of that
 * size if there are any, and applies two 3×3 convolutions with normalisation and ReLU. A 3×3 convolution computes the logits. `divisor`
 * divides all widths. The encoder accepts pretrained weights (pretrained/encoders.ts).
 */
export function buildEncoderUNet({ options, classes, seed }: ModelBuild): Model {
  const chosen: Chosen = { encoder: options.encoder ?? 'ResNet34', divisor: options.divisor ?? 1 };
  return defineModel({ name: 'EncoderUNet', options: chosen, classes, sizeMultiple: SIZE_MULTIPLE }, (variables) =>
    encoderUNetLayers(variableMaker(seed, variables), classes, chosen),
  );
}

/** The layers and their variables. */
export function encoderUNetLayers(make: VariableMaker, classes: number, { encoder, divisor }: Chosen) {
  const { widths, features: encode } = ENCODERS[encoder](make, divisor);
  const [deepest, ...skips] = widths.toReversed() as [number, ...number[]];
  let from = deepest;
  const levels = DECODER_WIDTHS.map((width, level) => {
    const to = Math.max(1, Math.floor(width / divisor));
    const convolve = doubleConv(make, `up${level + 1}`, { from: from + (skips[level] ?? 0), to });
    from = to;
    return convolve;
  });
  const answer = head(make, 'head', from, classes, HEAD_KERNEL);

  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    const [bottom, ...features] = encode(images, training).toReversed() as [Tensor4D, ...Tensor4D[]];
    let x = bottom;
    for (const [level, convolve] of levels.entries()) {
      const [resized, feature] = [upsampleNearest2x(x), features[level]];
      x = tf.tidy(() => convolve(feature ? tf.concat4d([resized, feature], 3) : resized, training));
    }
    return [tf.tidy(() => answer(x))];
  };
}
