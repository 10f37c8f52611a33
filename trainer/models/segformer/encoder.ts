import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convolution } from '../layers/convolution.ts';
import { norm } from '../layers/norm.ts';
import { tokenNorm } from '../layers/token-norm.ts';
import type { VariableMaker } from '../layers/variables.ts';
import { publishedMixFfn, trueMixFfn } from './mix-ffn.ts';
import { publishedAttention } from './published-attention.ts';
import { trueAttention } from './true-attention.ts';
import { REDUCTIONS, type SegFormerShape } from './variants.ts';

type Kind = 'published' | 'true';

/**
 * Mix transformer: four stages of overlapping patches (7×7 at stride 4, then 3×3 at stride 2) and of blocks x + attention(norm x), x + ffn(norm
 * x). Gives the maps at 1/4, 1/8, 1/16 and 1/32 of grey images. The `true` one normalises patches and each stage's end by layer, the
 * `published` one its patches by batch and its ends not at all.
 */
export function mixTransformer(make: VariableMaker, name: string, { widths, depths, heads }: SegFormerShape, kind: Kind) {
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
      transformerBlock(make, `${path}/${block + 1}`, kind, {
        channels,
        heads: heads[index] as number,
        reduction: REDUCTIONS[index] as number,
      }),
    );
    const end = kind === 'true' ? tokenNorm(make, `${path}/norm`, channels) : undefined;
    return (x: Tensor4D, training: boolean): Tensor4D => {
      const tokens = blocks.reduce((value, block) => block(value), embedNorm(embed(x), training));
      return end ? end(tokens) : tokens;
    };
  });
  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    const maps: Tensor4D[] = [];
    for (const stage of stages) maps.push(stage(maps.at(-1) ?? images, training));
    return maps;
  };
}

function transformerBlock(make: VariableMaker, name: string, kind: Kind, options: Parameters<typeof trueAttention>[2]) {
  const { channels } = options;
  const [attention, ffn] = kind === 'true' ? [trueAttention, trueMixFfn] : [publishedAttention, publishedMixFfn];
  const attendNorm = tokenNorm(make, `${name}/attention/norm1`, channels);
  const attend = attention(make, `${name}/attention`, options);
  const mixNorm = tokenNorm(make, `${name}/ffn/norm2`, channels);
  const mix = ffn(make, `${name}/ffn`, channels);
  return (x: Tensor4D): Tensor4D =>
    tf.tidy(() => {
      const attended: Tensor4D = tf.add(x, attend(attendNorm(x)));
      return tf.add(attended, mix(mixNorm(attended)));
    });
}
