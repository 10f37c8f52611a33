import type { Tensor4D } from '../../engine/tensorflow.ts';
import { convNormRelu, type Layer } from '../layers/conv-norm-relu.ts';
import { BASIC, BOTTLENECK, type ResidualBlock } from '../layers/residual-blocks.ts';
import type { VariableMaker } from '../layers/variables.ts';
import { type BranchLayer, exchange } from './exchange.ts';
import type { HRNetShape } from './variants.ts';

const INPUT_CHANNELS = 3;
/** Residual blocks of the first stage, and of each branch of a module. */
const BLOCKS = 4;
/** Modules of the second, third and fourth stage, which have two, three and four branches. */
const MODULES = [1, 4, 3] as const;

/**
 * HRNet's features (Wang and others 2020, "Deep High-Resolution Representation Learning for Visual Recognition"): images `[batch, height,
 * width, 1]` become maps at 1/4, 1/8, 1/16 and 1/32 of the size, with the channels of `shape.widths`. The map at 1/4 is kept through the
 * whole network; a smaller branch joins at each stage, and after every four blocks all branches exchange what they have. Names: `stem1`,
 * `stem2`, `stage1/1/…`, `join2/branch1`, `stage2/1/branch1/1/…`, `stage2/1/exchange/to1/from2`.
 */
export function hrNetEncoder(make: VariableMaker, name: string, { stem, widths }: HRNetShape) {
  const first = convNormRelu(make, `${name}/stem1`, { from: INPUT_CHANNELS, to: stem, stride: 2, onImages: true });
  const second = convNormRelu(make, `${name}/stem2`, { from: stem, to: stem, stride: 2 });
  const wide = residualBlocks(make, `${name}/stage1`, { block: BOTTLENECK, from: stem, middle: stem });
  let before: readonly number[] = [stem * BOTTLENECK.expansion];
  const stages = MODULES.map((count, index) => {
    const after = widths.slice(0, index + 2);
    const join = joining(make, `${name}/join${index + 2}`, before, after);
    before = after;
    return [join, ...Array.from({ length: count }, (_, module) => branches(make, `${name}/stage${index + 2}/${module + 1}`, after))];
  });
  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    let maps: readonly Tensor4D[] = [wide(second(first(images, training), training), training)];
    for (const layer of stages.flat()) maps = layer(maps, training);
    return maps;
  };
}

type BlockRow = { readonly block: ResidualBlock; readonly from: number; readonly middle: number };

function residualBlocks(make: VariableMaker, name: string, { block, from, middle }: BlockRow): Layer {
  const blocks = Array.from({ length: BLOCKS }, (_, index) =>
    block.make(make, `${name}/${index + 1}`, { from: index === 0 ? from : middle * block.expansion, middle }),
  );
  return (x, training) => blocks.reduce((y, each) => each(y, training), x);
}

/** Maps that are there are brought to their new channels where those differ; the last is halved once more for the branch that joins. */
function joining(make: VariableMaker, name: string, before: readonly number[], after: readonly number[]): BranchLayer {
  const layers = after.map((to, branch): Layer => {
    const from = before[branch] ?? (before.at(-1) as number);
    if (branch < before.length && from === to) return (x) => x;
    return convNormRelu(make, `${name}/branch${branch + 1}`, { from, to, stride: branch < before.length ? 1 : 2 });
  });
  return (maps, training) => layers.map((layer, branch) => layer(maps[branch] ?? (maps.at(-1) as Tensor4D), training));
}

/** A module: residual blocks on every branch, then the exchange. */
function branches(make: VariableMaker, name: string, widths: readonly number[]): BranchLayer {
  const rows = widths.map((width, branch) =>
    residualBlocks(make, `${name}/branch${branch + 1}`, { block: BASIC, from: width, middle: width }),
  );
  const share = exchange(make, `${name}/exchange`, widths);
  return (maps, training) =>
    share(
      rows.map((row, branch) => row(maps[branch] as Tensor4D, training)),
      training,
    );
}
