import type { ModuleName } from './pytorch-arrays.ts';
import { resNet50Module } from './resnet50-keys.ts';

/** How a network's encoder takes the weights that another program has published. */
export type PretrainedEncoder = {
  /** What the weights are, for messages. */
  readonly source: string;
  /** The publisher's name of a module of ours; undefined for what is no part of the encoder. */
  readonly moduleName: ModuleName;
  /** Keys of the published file that are no part of the features. */
  readonly ignored: RegExp;
  /** Our first convolution, which saw normalised colour images. */
  readonly first: { readonly kernel: string; readonly movingMean: string };
};

/** By the network's name. */
export const PRETRAINED: Readonly<Record<string, PretrainedEncoder>> = {
  FCNResNet50: {
    source: "torchvision's resnet50",
    moduleName: resNet50Module,
    ignored: /^fc\.(weight|bias)$|\.num_batches_tracked$/,
    first: { kernel: 'encoder/stem/kernel', movingMean: 'encoder/stem/movingMean' },
  },
};
