import { upsampleBilinear } from '../engine/ops/upsample.ts';
import { type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import { defineModel } from './define-model.ts';
import { convNormRelu } from './layers/conv-norm-relu.ts';
import { dropoutMaker } from './layers/dropout.ts';
import { head } from './layers/head.ts';
import { resNet } from './layers/resnet.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild } from './model.ts';

/** Probability with which the head's input is dropped in training, as in torchvision. */
const RATE = 0.1;
/** Of the features, by the encoder's strides. */
const STRIDE = 8;

/**
 * A fully convolutional network on a dilated ResNet-50 (Long and others 2015; torchvision's fcn_resnet50): 32,961,117 parameters at 29 classes and
 * width 64. Features at an eighth of the size, a 3×3 convolution to a quarter of their channels, dropout, one logit for each class, and
 * bilinear up-sampling. torchvision's auxiliary head, which the original allocated and never used, does not exist. The encoder's variables
 * take torchvision's pretrained weights (pretrained/resnet-keys.ts).
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
