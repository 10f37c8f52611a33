import { hrNetModule } from './hrnet-keys.ts';
import type { ModuleName } from './pytorch-arrays.ts';
import { resNetModule } from './resnet-keys.ts';

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

const firstOf = (module: string) => ({ kernel: `${module}/kernel`, movingMean: `${module}/movingMean` });

const resNet = (source: string): PretrainedEncoder => ({
  source,
  moduleName: resNetModule,
  ignored: /^fc\.(weight|bias)$|\.num_batches_tracked$/,
  first: firstOf('encoder/stem'),
});

/** By the network's name. */
export const PRETRAINED: Readonly<Record<string, PretrainedEncoder>> = {
  FCNResNet50: resNet("torchvision's resnet50"),
  UNetPlusPlus: resNet("torchvision's resnet34 or resnet50, whichever the encoder is,"),
  HRNet: {
    source: "timm's hrnet_w18, hrnet_w32 or hrnet_w48, whichever the variant is,",
    moduleName: hrNetModule,
    // What timm makes of the four maps to classify whole images.
    ignored: /^(incre_modules|downsamp_modules|final_layer|classifier)\.|\.num_batches_tracked$/,
    first: firstOf('encoder/stem1'),
  },
};
