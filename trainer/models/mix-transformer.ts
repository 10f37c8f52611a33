import { gelu } from '../engine/ops/activations.ts';
import { attention } from '../engine/ops/attention.ts';
import { depthwiseConv } from '../engine/ops/depthwise-conv.ts';
import { dropout } from '../engine/ops/dropout.ts';
import { biasAdd, linear } from '../engine/ops/linear.ts';
import { type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import { convolution } from './layers/convolution.ts';
import { type DropoutPlace, dropoutPlaces } from './layers/guidance.ts';
import { norm, tokenNorm } from './layers/normalization.ts';
import { dense, joinHeads, splitHeads } from './layers/tokens.ts';
import type { VariableMaker } from './layers/variables.ts';

type Kind = 'published' | 'true';

/**
 * The mix transformer: four stages, each with overlapping patches (7×7 at stride 4, then 3×3 at stride 2) and blocks x + attention(norm x),
 * x + ffn(norm x). Returns the maps at 1/4, 1/8, 1/16 and 1/32 of grey images `[batch, height, width, 1]`. The paper's variants apply layer
 * normalisation to the patches and at the end of each stage; `published` applies batch normalisation to the patches and none at the end.
 * `published` also drops values in training: it needs a seed.
 */
export function mixTransformer(make: VariableMaker, name: string, { widths, depths, heads }: SegFormerShape, kind: Kind) {
  const places = dropoutPlaces(PUBLISHED.dropout);
  const stages = widths.map((channels, index) => {
    const path = `${name}/stage${index + 1}`;
    const from = index === 0 ? 3 : (widths[index - 1] as number);
    const geometry =
      index === 0
        ? ({ size: 7, stride: 4, padding: [3, 3, 3, 3], onImages: true } as const)
        : ({ size: 3, stride: 2, padding: [1, 1, 1, 1] } as const);
    const embed = convolution(make, `${path}/patches`, { from, to: channels, ...geometry });
    const embedNorm = kind === 'true' ? tokenNorm(make, `${path}/patches/norm`, channels) : norm(make, `${path}/patches/norm`, channels);
    const blocks = Array.from({ length: depths[index] as number }, (_, block) =>
      transformerBlock(
        make,
        `${path}/${block + 1}`,
        kind,
        { channels, heads: heads[index] as number, reduction: REDUCTIONS[index] as number },
        places,
      ),
    );
    const end = kind === 'true' ? tokenNorm(make, `${path}/norm`, channels) : undefined;
    return (x: Tensor4D, training: boolean, seed: Tensor | undefined): Tensor4D => {
      const tokens = blocks.reduce((value, block) => block(value, seed), embedNorm(embed(x), training));
      return end ? end(tokens) : tokens;
    };
  });
  return (images: Tensor4D, training: boolean, seed: Tensor | undefined): readonly Tensor4D[] => {
    const maps: Tensor4D[] = [];
    for (const stage of stages) maps.push(stage(maps.at(-1) ?? images, training, seed));
    return maps;
  };
}

/** A part of a block, or a whole block. Without a seed it drops nothing. */
type Part = (x: Tensor4D, seed: Tensor | undefined) => Tensor4D;

/** The dropout probability and the epsilon of layer normalisation in the original's network. */
const PUBLISHED = { dropout: 0.1, epsilon: 1e-5 } as const;

function transformerBlock(make: VariableMaker, name: string, kind: Kind, options: AttentionOptions, places: () => DropoutPlace): Part {
  const { channels } = options;
  const isPublished = kind === 'published';
  const norms = isPublished ? PUBLISHED : {};
  const attendNorm = tokenNorm(make, `${name}/attention/norm1`, channels, norms);
  const attend = isPublished
    ? publishedAttention(make, `${name}/attention`, options, places())
    : trueAttention(make, `${name}/attention`, options);
  const mixNorm = tokenNorm(make, `${name}/ffn/norm2`, channels, norms);
  const mix = isPublished ? publishedMixFfn(make, `${name}/ffn`, channels, places()) : trueMixFfn(make, `${name}/ffn`, channels);
  return (x, seed) =>
    tf.tidy(() => {
      const attended: Tensor4D = tf.add(x, attend(attendNorm(x), seed));
      return tf.add(attended, mix(mixNorm(attended), seed));
    });
}

/** Channels between the two layers of a Mix-FFN, as a multiple of its input channels. */
const EXPANSION = 4;

/** SegFormer's Mix-FFN: a linear map, a 3×3 depthwise convolution (which encodes the position of a pixel), GELU, a linear map back. */
function trueMixFfn(make: VariableMaker, name: string, channels: number): Part {
  const wide = EXPANSION * channels;
  const widen = dense(make, `${name}/widen`, { from: channels, to: wide });
  const kernel = make.normal(`${name}/depthwise/kernel`, [3, 3, wide, 1], Math.sqrt(2 / 9));
  const bias = make.constant(`${name}/depthwise/bias`, [wide], 0);
  const narrow = dense(make, `${name}/narrow`, { from: wide, to: channels });
  return (x) => tf.tidy(() => narrow(gelu(biasAdd(depthwiseConv(widen(x), kernel), bias))));
}

/**
 * The original's Mix-FFN: two full 3×3 convolutions with GELU between them, and dropout. The convolutions hold most of the weights of the
 * network.
 */
function publishedMixFfn(make: VariableMaker, name: string, channels: number, dropped: DropoutPlace): Part {
  const wide = EXPANSION * channels;
  const widen = convolution(make, `${name}/widen`, { from: channels, to: wide, gain: 2 });
  const narrow = convolution(make, `${name}/narrow`, { from: wide, to: channels });
  return (x, seed) =>
    tf.tidy(() => {
      const mixed = narrow(gelu(widen(x)));
      const choice = dropped(seed);
      return choice ? dropout(mixed, choice) : mixed;
    });
}

/**
 * The original's self-attention. In each head, a linear map reduces `reduction`² consecutive keys in raster order to one (a part of a row,
 * where the paper takes a square). All heads and the values share this map. Scores are dropped in training.
 */
function publishedAttention(
  make: VariableMaker,
  name: string,
  { channels, heads, reduction }: AttentionOptions,
  dropped: DropoutPlace,
): Part {
  const same = { from: channels, to: channels };
  const [query, key, value] = [dense(make, `${name}/query`, same), dense(make, `${name}/key`, same), dense(make, `${name}/value`, same)];
  const group = reduction ** 2;
  const size = channels / heads;
  const kernel = make.normal(`${name}/reduce/kernel`, [group * size, size], Math.sqrt(1 / (group * size)));
  const bias = make.constant(`${name}/reduce/bias`, [size], 0);
  const merge = dense(make, `${name}/merge`, same);
  const reduced = (tokens: Tensor4D): Tensor4D => {
    const [batch, , count] = tokens.shape;
    return linear(tf.reshape(tokens, [batch, heads, count / group, group * size]), kernel, bias);
  };
  return (x, seed) =>
    tf.tidy(() => {
      const [, height, width] = x.shape;
      const [q, k, v] = [query(x), key(x), value(x)].map((part) => splitHeads(part, heads)) as [Tensor4D, Tensor4D, Tensor4D];
      return merge(joinHeads(attention(q, reduced(k), reduced(v), dropped(seed)), height, width));
    });
}

type AttentionOptions = {
  readonly channels: number;
  readonly heads: number;
  /** Keys and values come from a map that is this many times smaller on each side. */
  readonly reduction: number;
};

/**
 * SegFormer's self-attention. Queries come from every pixel. Keys and values come from a map that a strided convolution has reduced by
 * `reduction`, and that is normalised.
 */
function trueAttention(make: VariableMaker, name: string, { channels, heads, reduction }: AttentionOptions): Part {
  const query = dense(make, `${name}/query`, { from: channels, to: channels });
  const shrink =
    reduction > 1
      ? convolution(make, `${name}/shrink`, { from: channels, to: channels, size: reduction, stride: reduction, padding: 'valid' })
      : undefined;
  const norm = reduction > 1 ? tokenNorm(make, `${name}/norm`, channels) : undefined;
  const both = dense(make, `${name}/keyValue`, { from: channels, to: 2 * channels });
  const merge = dense(make, `${name}/merge`, { from: channels, to: channels });
  return (x) =>
    tf.tidy(() => {
      const [, height, width] = x.shape;
      const seen = shrink && norm ? norm(shrink(x)) : x;
      const [k, v] = tf.split(both(seen), 2, 3).map((part) => splitHeads(part, heads)) as [Tensor4D, Tensor4D];
      return merge(joinHeads(attention(splitHeads(query(x), heads), k, v), height, width));
    });
}

/** The networks called SegFormer. */
export type SegFormerVariant = 'published' | 'B0' | 'B1' | 'B2' | 'B3' | 'B4' | 'B5';

export type SegFormerShape = {
  /** Channels of each stage. */
  readonly widths: readonly number[];
  /** Number of blocks of each stage. */
  readonly depths: readonly number[];
  readonly heads: readonly number[];
  /** Channels in which the decoder combines the stages. */
  readonly decoder: number;
};

/** The factor by which keys and values are reduced on each side, per stage. */
export const REDUCTIONS = [8, 4, 2, 1] as const;

type Row = Pick<SegFormerShape, 'depths' | 'decoder'> & { readonly head: number; readonly heads: readonly number[] };

/** Table 6 of the paper; `head` is the width of an attention head. */
const HEADS = [1, 2, 5, 8];
export const SEGFORMER_ROWS: Readonly<Record<SegFormerVariant, Row>> = {
  published: { head: 64, heads: [1, 2, 4, 8], depths: [3, 4, 6, 3], decoder: 256 },
  B0: { head: 32, heads: HEADS, depths: [2, 2, 2, 2], decoder: 256 },
  B1: { head: 64, heads: HEADS, depths: [2, 2, 2, 2], decoder: 256 },
  B2: { head: 64, heads: HEADS, depths: [3, 4, 6, 3], decoder: 768 },
  B3: { head: 64, heads: HEADS, depths: [3, 4, 18, 3], decoder: 768 },
  B4: { head: 64, heads: HEADS, depths: [3, 8, 27, 3], decoder: 768 },
  B5: { head: 64, heads: HEADS, depths: [3, 6, 40, 3], decoder: 768 },
};

/** The shape of a variant with every width divided by `divisor`, rounded down to whole attention heads with at least one channel each. */
export function segFormerShape(variant: SegFormerVariant, divisor: number): SegFormerShape {
  const { head, heads, depths, decoder } = SEGFORMER_ROWS[variant];
  const size = Math.max(1, Math.floor(head / divisor));
  return { widths: heads.map((count) => count * size), depths, heads, decoder: Math.max(1, Math.floor(decoder / divisor)) };
}
