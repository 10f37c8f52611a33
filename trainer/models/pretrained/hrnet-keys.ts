import type { ModuleName } from './pytorch-arrays.ts';
import { residualPart } from './resnet-keys.ts';

const zeroBased = (number: string | undefined): number => Number(number) - 1;

/** timm's name of a module of hrnet/encoder.ts, whose own name begins with `encoder/`; undefined for what is no part of it. */
export const hrNetModule: ModuleName = (module, normalises) => {
  const [root, place = '', ...path] = module.split('/');
  if (root !== 'encoder') return undefined;
  const kind = normalises ? 1 : 0;
  const [, what, number] = /^(stem|join|stage)(\d)$/.exec(place) ?? [];
  if (what === 'stem') return `${normalises ? 'bn' : 'conv'}${number}`;
  if (what === 'join') return joinName(Number(number), branchOf(path[0]), kind);
  if (what !== 'stage') return undefined;
  const last = residualPart(path.at(-1) ?? '', normalises);
  if (number === '1') return `layer1.${zeroBased(path[0])}.${last}`;
  const inside = path[1] === 'exchange' ? routeName(path.slice(2), kind) : `branches.${branchOf(path[1])}.${zeroBased(path[2])}.${last}`;
  return `${place}.${zeroBased(path[0])}.${inside}`;
};

/** A branch's place among its siblings, from 0. */
const branchOf = (name = ''): number => zeroBased(/\d+$/.exec(name)?.[0]);

/** Stage 2 begins with two branches of new channels; at the others only the last is new, and that one stands in a sequence of its own. */
const joinName = (stage: number, branch: number, kind: number): string =>
  `transition${stage - 1}.${branch}.${branch === stage - 1 ? `0.${kind}` : kind}`;

/** Steps down stand one after another; a way up is one convolution. */
const routeName = ([to, from, step]: readonly string[], kind: number): string =>
  `fuse_layers.${branchOf(to)}.${branchOf(from)}.${step === undefined ? kind : `${zeroBased(step)}.${kind}`}`;
