import { starRelu } from '../engine/ops/activations.ts';
import { attention } from '../engine/ops/attention.ts';
import { depthwiseConv } from '../engine/ops/depthwise-conv.ts';
import { type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import { convolution } from './layers/convolution.ts';
import { tokenNorm } from './layers/normalization.ts';
import { dense, joinHeads, splitHeads } from './layers/tokens.ts';
import type { VariableMaker } from './layers/variables.ts';

const DEPTHS = [3, 3, 9, 3] as const;
/** Channels per attention head. Stage i has `HEADS[i]` heads. */
const HEAD = 32;
const HEADS = [2, 4, 10, 16] as const;

/** The width of each stage: the published widths, divided by `divisor`. */
export function caformerWidths(divisor: number): [number, number, number, number] {
  const head = Math.max(1, Math.floor(HEAD / divisor));
  return [head * HEADS[0], head * HEADS[1], head * HEADS[2], head * HEADS[3]];
}

/**
 * CAFormer-S18 (Yu et al. 2022, "MetaFormer Baselines for Vision") as an encoder. Returns the maps at 1/4, 1/8, 1/16 and 1/32 of grey
 * images `[batch, height, width, 1]`, with 64, 128, 320 and 512 channels, divided by `divisor`. Two stages of separable convolutions are
 * followed by two of attention. It has 23,236,912 parameters; the published network adds a classifier, which segmentation does not use.
 */
export function caformer(make: VariableMaker, name: string, divisor: number) {
  const widths = caformerWidths(divisor);
  const stages = widths.map((channels, index) => {
    const path = `${name}/stage${index + 1}`;
    const first = index === 0;
    const from = first ? 3 : (widths[index - 1] as number);
    const before = first ? undefined : tokenNorm(make, `${path}/norm`, from, { bias: false });
    const halve = convolution(make, `${path}/shrink`, {
      from,
      to: channels,
      ...(first ? { size: 7, stride: 4, padding: [2, 2, 2, 2], onImages: true } : { size: 3, stride: 2, padding: [1, 1, 1, 1] }),
    });
    const after = first ? tokenNorm(make, `${path}/norm`, channels, { bias: false }) : undefined;
    const attends = index >= 2;
    const blocks = Array.from({ length: DEPTHS[index] as number }, (_, block) =>
      metaformerBlock(make, `${path}/${block + 1}`, {
        channels,
        scaledSkips: attends,
        mixer: (maker, mixer) =>
          attends ? attentionMixer(maker, mixer, channels, HEADS[index] as number) : separableMixer(maker, mixer, channels),
      }),
    );
    return (x: Tensor4D): Tensor4D => {
      const shrunk = halve(before ? before(x) : x);
      return blocks.reduce((value, block) => block(value), after ? after(shrunk) : shrunk);
    };
  });

  return (images: Tensor4D): readonly Tensor4D[] => {
    const maps: Tensor4D[] = [];
    for (const stage of stages) maps.push(stage(maps.at(-1) ?? images));
    return maps;
  };
}

type BlockOptions = {
  readonly channels: number;
  readonly mixer: (make: VariableMaker, name: string) => TokenMixer;
  /** Whether each residual connection has a learned factor per channel. */
  readonly scaledSkips: boolean;
};

/** x + mixer(norm x), then x + mlp(norm x), with four times the channels inside the MLP. Norms and linear maps have no bias. */
function metaformerBlock(make: VariableMaker, name: string, { channels, mixer, scaledSkips }: BlockOptions) {
  const scale = (part: string) => (scaledSkips ? make.constant(`${name}/${part}/scale`, [channels], 1) : undefined);
  const mixNorm = tokenNorm(make, `${name}/mix/norm`, channels, { bias: false });
  const mix = mixer(make, `${name}/mix`);
  const mixScale = scale('mix');
  const mlpNorm = tokenNorm(make, `${name}/mlp/norm`, channels, { bias: false });
  const widen = dense(make, `${name}/mlp/widen`, { from: channels, to: 4 * channels, bias: false });
  const activate = starReluLayer(make, `${name}/mlp/activation`);
  const narrow = dense(make, `${name}/mlp/narrow`, { from: 4 * channels, to: channels, bias: false });
  const mlpScale = scale('mlp');
  return (x: Tensor4D): Tensor4D =>
    tf.tidy(() => {
      const mixed: Tensor4D = tf.add(mixScale ? tf.mul(x, mixScale) : x, mix(mixNorm(x)));
      return tf.add(mlpScale ? tf.mul(mixed, mlpScale) : mixed, narrow(activate(widen(mlpNorm(mixed)))));
    });
}

/** The part of a MetaFormer block that exchanges information between pixels. Size and channels stay the same. */
type TokenMixer = (x: Tensor4D) => Tensor4D;

const KERNEL = 7;

/**
 * Inverted separable convolution: a linear map to twice the channels, StarReLU, a 7×7 depthwise convolution, and a linear map back. No
 * layer has a bias.
 */
function separableMixer(make: VariableMaker, name: string, channels: number): TokenMixer {
  const wide = 2 * channels;
  const widen = dense(make, `${name}/widen`, { from: channels, to: wide, bias: false });
  const activate = starReluLayer(make, `${name}/activation`);
  const kernel = make.normal(`${name}/depthwise/kernel`, [KERNEL, KERNEL, wide, 1], 1 / KERNEL);
  const narrow = dense(make, `${name}/narrow`, { from: wide, to: channels, bias: false });
  return (x) => tf.tidy(() => narrow(depthwiseConv(activate(widen(x)), kernel)));
}

/** Self-attention over all pixels of the map. No layer has a bias. */
function attentionMixer(make: VariableMaker, name: string, channels: number, heads: number): TokenMixer {
  const project = dense(make, `${name}/qkv`, { from: channels, to: 3 * channels, bias: false });
  const merge = dense(make, `${name}/merge`, { from: channels, to: channels, bias: false });
  return (x) =>
    tf.tidy(() => {
      const [, height, width] = x.shape;
      const [q, k, v] = tf.split(project(x), 3, 3).map((part) => splitHeads(part, heads)) as [Tensor4D, Tensor4D, Tensor4D];
      return merge(joinHeads(attention(q, k, v), height, width));
    });
}

/** StarReLU with a learned scale and bias. Initially it is relu(x)². */
function starReluLayer(make: VariableMaker, name: string) {
  const scale = make.constant(`${name}/scale`, [1], 1);
  const bias = make.constant(`${name}/bias`, [1], 0);
  return <Shape extends Tensor>(x: Shape): Shape => tf.tidy(() => starRelu(x, scale, bias));
}
