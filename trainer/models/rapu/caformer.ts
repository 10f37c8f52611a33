import type { Tensor4D } from '../../engine/tensorflow.ts';
import { convolution } from '../layers/convolution.ts';
import { dense } from '../layers/dense.ts';
import { tokenNorm } from '../layers/token-norm.ts';
import type { VariableMaker } from '../layers/variables.ts';
import { metaformerBlock } from './metaformer-block.ts';
import { attentionMixer, separableMixer } from './token-mixers.ts';

const DEPTHS = [3, 3, 9, 3] as const;
/** Channels of an attention head; the stages are 2, 4, 10 and 16 times as wide. */
const HEAD = 32;
const HEADS = [2, 4, 10, 16] as const;
/** What the classifier tells apart, and its hidden width in units of the last stage's. */
const IMAGENET = { classes: 1000, hidden: 4 } as const;

/** The width of each stage, the published one divided. */
export function caformerWidths(divisor: number): [number, number, number, number] {
  const head = Math.max(1, Math.floor(HEAD / divisor));
  return [head * HEADS[0], head * HEADS[1], head * HEADS[2], head * HEADS[3]];
}

type Options = {
  /** Divides every width; 1 is the published network. */
  readonly divisor: number;
  /** Whether to have the last norm and the ImageNet classifier, which take no part in what is computed here. */
  readonly classifier: boolean;
};

/**
 * CAFormer-S18 (Yu et al. 2022, "MetaFormer Baselines for Vision") as an encoder: the maps at 1/4, 1/8, 1/16 and 1/32 of grey images, of 64,
 * 128, 320 and 512 channels. Two stages of separable convolutions, two of attention. 23,236,912 parameters, with the classifier 26,341,656.
 */
export function caformer(make: VariableMaker, name: string, { divisor, classifier }: Options) {
  const widths = caformerWidths(divisor);
  const stages = widths.map((channels, index) => {
    const path = `${name}/stage${index + 1}`;
    const first = index === 0;
    const from = first ? 3 : (widths[index - 1] as number);
    const before = first ? undefined : tokenNorm(make, `${path}/norm`, from, false);
    const halve = convolution(make, `${path}/shrink`, {
      from,
      to: channels,
      ...(first ? { size: 7, stride: 4, padding: [2, 2, 2, 2], onImages: true } : { size: 3, stride: 2, padding: [1, 1, 1, 1] }),
    });
    const after = first ? tokenNorm(make, `${path}/norm`, channels, false) : undefined;
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
  if (classifier) unusedClassifier(make, `${name}/classifier`, widths[3]);

  return (images: Tensor4D): readonly Tensor4D[] => {
    const maps: Tensor4D[] = [];
    for (const stage of stages) maps.push(stage(maps.at(-1) ?? images));
    return maps;
  };
}

function unusedClassifier(make: VariableMaker, name: string, width: number): void {
  const hidden = IMAGENET.hidden * width;
  tokenNorm(make, `${name}/norm`, width);
  dense(make, `${name}/hidden`, { from: width, to: hidden });
  tokenNorm(make, `${name}/hiddenNorm`, hidden);
  dense(make, `${name}/answer`, { from: hidden, to: IMAGENET.classes });
}
