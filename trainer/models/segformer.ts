import { upsampleBilinear } from '../engine/ops/upsample.ts';
import type { Tensor4D } from '../engine/tensorflow.ts';
import { chooseVariant } from './choose-variant.ts';
import { defineModel } from './define-model.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild } from './model.ts';
import { mlpDecoder, publishedDecoder } from './segformer/decoders.ts';
import { mixTransformer } from './segformer/encoder.ts';
import { SEGFORMER_ROWS, type SegFormerVariant, segFormerShape } from './segformer/variants.ts';

/** The last stage is at this part of the image. */
const SIZE_MULTIPLE = 32;
/** Logits are made at this part of it. */
const DECODED_AT = 4;

type Chosen = { readonly variant: SegFormerVariant; readonly divisor: number };

/**
 * SegFormer (Xie et al. 2021), a transformer of four stages and a decoder of linear maps; logits are made at 1/4 and interpolated. At 29 classes,
 * with the widths and depths of the paper's table, B0 has 3,721,597 parameters, B1 13,684,701, B2 27,368,925, B3 47,244,765, B4 64,015,325 and B5
 * 84,615,645 (at ADE20K's 150 classes B0 has 3,752,694 and B2 27,461,974, as the published weights do). There is no stochastic depth and no dropout.
 *
 * `variant: published` is the original's network of the same name, 98,591,197: B2's depths, widths 64-128-256-512, whole convolutions in
 * the Mix-FFN, keys reduced along rows by one linear map for all heads, and a decoder without normalisation or activation. `divisor` divides all
 * widths.
 */
export function buildSegFormer({ options, classes, seed }: ModelBuild): Model {
  const chosen: Chosen = { variant: chooseVariant('SegFormer', SEGFORMER_ROWS, options.variant ?? 'B2'), divisor: options.divisor ?? 1 };
  return defineModel({ name: 'SegFormer', options: chosen, classes, sizeMultiple: SIZE_MULTIPLE }, (variables) =>
    segFormerLayers(variableMaker(seed, variables), classes, chosen),
  );
}

/** The layers with their variables. */
export function segFormerLayers(make: VariableMaker, classes: number, { variant, divisor }: Chosen) {
  const shape = segFormerShape(variant, divisor);
  const encode = mixTransformer(make, 'encoder', shape, variant === 'published' ? 'published' : 'true');
  const decoder = variant === 'published' ? publishedDecoder : mlpDecoder;
  const decode = decoder(make, 'decoder', { widths: shape.widths, channels: shape.decoder, classes });
  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    return [upsampleBilinear(decode(encode(images, training), training), DECODED_AT)];
  };
}
