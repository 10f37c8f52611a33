import { relu } from '../engine/ops/activations.ts';
import { batchNorm } from '../engine/ops/batch-norm.ts';
import { conv2d } from '../engine/ops/conv2d.ts';
import { upsampleBilinear } from '../engine/ops/upsample.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { chooseVariant } from './choose-variant.ts';
import { defineModel } from './define-model.ts';
import { hrNetEncoder } from './hrnet/encoder.ts';
import { HRNET_WIDTHS, type HRNetVariant, hrNetShape } from './hrnet/variants.ts';
import { batchNormVariables } from './layers/batch-norm-variables.ts';
import { head } from './layers/head.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild } from './model.ts';

/** The smallest branch is at this part of the image. */
const SIZE_MULTIPLE = 32;
/** Logits are made at this part of it. */
const DECODED_AT = 4;

type Chosen = { readonly variant: HRNetVariant; readonly divisor: number };

/**
 * HRNetV2 (Wang and others 2020), which keeps a map at a quarter of the size through the whole network, without OCR. The four branches are
 * brought to 1/4 and set side by side, a 1×1 convolution with bias as wide as they are, normalisation, ReLU, a 1×1 convolution to the
 * classes, and bilinear up-sampling by 4. At 29 classes W18 has 9,643,829 parameters, W32 29,551,325 and W48 65,866,589 (at Cityscapes' 19
 * W48 has 65,859,379: the paper's 65.9 M). The encoder takes timm's pretrained weights (pretrained/hrnet-keys.ts); timm interpolates
 * between its branches by nearest neighbours, this network bilinearly, as the authors do for segmentation.
 */
export function buildHRNet({ options, classes, seed }: ModelBuild): Model {
  const chosen: Chosen = { variant: chooseVariant('HRNet', HRNET_WIDTHS, options.variant ?? 'W48'), divisor: options.divisor ?? 1 };
  return defineModel({ name: 'HRNet', options: chosen, classes, sizeMultiple: SIZE_MULTIPLE }, (variables) =>
    hrNetLayers(variableMaker(seed, variables), classes, chosen),
  );
}

/** The layers with their variables. */
export function hrNetLayers(make: VariableMaker, classes: number, { variant, divisor }: Chosen) {
  const shape = hrNetShape(variant, divisor);
  const encode = hrNetEncoder(make, 'encoder', shape);
  const join = joinAtFirst(make, 'join', shape.widths);
  const answer = head(make, 'head', sum(shape.widths), classes);
  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    const joined = join(encode(images, training), training);
    return [tf.tidy(() => upsampleBilinear(answer(joined), DECODED_AT))];
  };
}

/**
 * Maps interpolated to the first one's size and set side by side, 1×1 convolution, normalisation, ReLU. Interpolation and a 1×1
 * convolution may change places, so each map's share of the convolution is taken where the map is small: the same numbers and gradients at
 * a fraction of the work.
 */
function joinAtFirst(make: VariableMaker, name: string, widths: readonly number[]) {
  const channels = sum(widths);
  const kernel = make.normal(`${name}/kernel`, [1, 1, channels, channels], Math.sqrt(2 / channels));
  const offset = make.constant(`${name}/bias`, [channels], 0);
  const norm = batchNormVariables(make, name, channels);
  return (maps: readonly Tensor4D[], training: boolean): Tensor4D =>
    tf.tidy(() => {
      const shares = tf.split(kernel as unknown as Tensor4D, [...widths], 2);
      const brought = maps.map((map, branch) => upsampleBilinear(conv2d(map, shares[branch] as Tensor4D), 2 ** branch));
      return relu(batchNorm(tf.addN(brought) as Tensor4D, { ...norm, offset }, training));
    });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
