import { upsampleBilinear } from '../engine/ops/upsample.ts';
import { type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import { defineModel } from './define-model.ts';
import { convNormRelu } from './layers/conv-norm.ts';
import { dropoutMaker } from './layers/guidance.ts';
import { head } from './layers/head.ts';
import { resNet } from './layers/resnet.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild } from './model.ts';

/** Dropout probability of the head's input in training, as in torchvision. */
const RATE = 0.1;
/** Stride of the encoder's features. */
const STRIDE = 8;

/**
 * A fully convolutional network on a dilated ResNet-50 (Long et al. 2015; torchvision's fcn_resnet50): 32,961,117 parameters at 29 classes
 * and width 64. Features at 1/8 of the size, a 3×3 convolution to a quarter of their channels, dropout, one logit per class, and bilinear
 * up-sampling. torchvision's auxiliary head, which the original allocated and never used, is left out. The encoder's variables accept
 * torchvision's pretrained weights (pretrained/encoders.ts).
 */
export function buildFCNResNet50({ options, classes, seed }: ModelBuild): Model {
  const { width = 64 } = options;
  return defineModel({ name: 'FCNResNet50', options: { width }, classes, sizeMultiple: STRIDE, draws: true }, (variables) =>
    layers(variableMaker(seed, variables), classes, width),
  );
}

function layers(make: VariableMaker, classes: number, width: number) {
  const encode = resNet(make, 'encoder', 'ResNet50', { width, dilated: true });
  const [from, between] = [32 * width, 8 * width];
  const reduce = convNormRelu(make, 'reduce', { from, to: between });
  const drop = dropoutMaker(RATE)();
  const answer = head(make, 'head', between, classes);
  return (images: Tensor4D, training: boolean, seed?: Tensor): readonly Tensor4D[] => {
    const features = reduce(encode(images, training).at(-1) as Tensor4D, training);
    return [tf.tidy(() => upsampleBilinear(answer(drop(features, seed)), STRIDE))];
  };
}
