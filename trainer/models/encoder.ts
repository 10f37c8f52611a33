/** The networks that compute features for a decoder (UNetPlusPlus, EncoderUNet). */
import type { ModelOptions } from '@carpal/configs/schema/experiment.ts';
import type { Tensor4D } from '../engine/tensorflow.ts';
import { convNext, convNextWidths } from './layers/convnext.ts';
import { type EfficientNetName, efficientNet, efficientNetWidths } from './layers/efficient-net.ts';
import { type ResNetName, resNet, resNetWidths } from './layers/resnet.ts';
import type { VariableMaker } from './layers/variables.ts';

export type EncoderName = NonNullable<ModelOptions['encoder']>;

/** An encoder with its variables, whose names begin with `encoder/`. */
export type Encoder = {
  /** Channels of each map of the features. */
  readonly widths: readonly number[];
  /**
   * The maps of images `[batch, height, width, 1]`, from the largest one, at 1/2 of the size or, for ConvNeXt, at 1/4, to the one at 1/32. Each
   * has half the size of the one before. Decoders only resize at a size without a map.
   */
  readonly features: (images: Tensor4D, training: boolean) => readonly Tensor4D[];
};

/** Channels of the stem of a residual network. */
const RESNET_WIDTH = 64;

/** Makes an encoder with all widths divided by `divisor`, rounded down, at least one channel. */
type MakeEncoder = (make: VariableMaker, divisor: number) => Encoder;

const residual =
  (kind: ResNetName): MakeEncoder =>
  (make, divisor) => {
    const width = Math.max(1, Math.floor(RESNET_WIDTH / divisor));
    return { widths: resNetWidths(kind, width), features: resNet(make, 'encoder', kind, { width }) };
  };

const efficient =
  (kind: EfficientNetName): MakeEncoder =>
  (make, divisor) => ({ widths: efficientNetWidths(kind, divisor), features: efficientNet(make, 'encoder', kind, divisor) });

export const ENCODERS: Readonly<Record<EncoderName, MakeEncoder>> = {
  ResNet34: residual('ResNet34'),
  ResNet50: residual('ResNet50'),
  ConvNeXtTiny: (make, divisor) => ({ widths: convNextWidths(divisor), features: convNext(make, 'encoder', divisor) }),
  EfficientNetB0: efficient('EfficientNetB0'),
  EfficientNetB1: efficient('EfficientNetB1'),
  EfficientNetB2: efficient('EfficientNetB2'),
  EfficientNetLite0: efficient('EfficientNetLite0'),
  EfficientNetLite1: efficient('EfficientNetLite1'),
  EfficientNetLite2: efficient('EfficientNetLite2'),
};
