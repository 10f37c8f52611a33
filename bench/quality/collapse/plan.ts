/** Which short trainings show whether a loss leaves classes undetected. Pure. */
import type { LossSpec, ModelSpec } from '@carpal/configs/schema/experiment.ts';
import type { PhantomParameters } from '@carpal/trainer/phantom/phantom-set.ts';

/** The loss of a training, in a manifest's form. */
export type CollapseRecipe = { readonly id: string; readonly loss: readonly (Pick<LossSpec, 'name'> & Partial<LossSpec>)[] };

/**
 * The first weights of a network's head: the standard deviation of its kernel as a multiple of 1/√n for n inputs, and its bias. Undefined
 * stands for those that carpal gives it.
 */
export type HeadStart = { readonly id: string; readonly weights?: { readonly kernel: number; readonly bias: number } };

export type CollapsePlan = {
  readonly phantoms: PhantomParameters;
  readonly folds: number;
  readonly size: number;
  readonly batchSize: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly seeds: readonly number[];
  readonly networks: readonly { readonly name: ModelSpec['name']; readonly options: ModelSpec['options'] }[];
  readonly recipes: readonly CollapseRecipe[];
  readonly heads: readonly HeadStart[];
};

/** One training of the plan. */
export type CollapseRun = {
  readonly id: string;
  readonly network: CollapsePlan['networks'][number];
  readonly recipe: CollapseRecipe;
  readonly head: HeadStart;
  readonly seed: number;
};

const global = { reduction: 'global' } as const;
const AREA = ['Dice', 'IoU', 'FocalTversky'] as const;

/** The original's recipe comes first, then carpal's default, then each loss on its own, with both reductions where it has them. */
const RECIPES: readonly CollapseRecipe[] = [
  {
    id: 'original',
    loss: [
      { name: 'Dice', weight: 0.9 },
      { name: 'IoU', weight: 0.9, ...global },
      { name: 'BCE', weight: 0.1 },
      { name: 'FocalTversky', weight: 0.3, ...global },
    ],
  },
  {
    id: 'default',
    loss: [
      { name: 'Dice', weight: 0.9 },
      { name: 'BCE', weight: 0.1 },
    ],
  },
  ...AREA.map((name) => ({ id: name, loss: [{ name }] })),
  ...AREA.map((name) => ({ id: `${name}, global`, loss: [{ name, ...global }] })),
  ...(['Lovasz', 'BCE', 'Focal'] as const).map((name) => ({ id: name, loss: [{ name }] })),
];

/** What carpal's heads had before, which left many classes undetected. */
const FAINT: HeadStart = { id: '0.1/√n, bias −4', weights: { kernel: 0.1, bias: -4 } };

/** About two hours on two idle cores. */
export const COLLAPSE: CollapsePlan = {
  phantoms: { people: 12, testPeople: 0, seed: 3, size: 384 },
  folds: 3,
  size: 64,
  batchSize: 2,
  steps: 400,
  learningRate: 1e-3,
  seeds: [1, 2, 3],
  networks: [
    { name: 'SlimUNet', options: { width: 12, depth: 5 } },
    { name: 'CustomUNet', options: { width: 12 } },
    { name: 'UNet3Plus', options: { width: 12 } },
    { name: 'SegFormer', options: { variant: 'B0' } },
  ],
  recipes: RECIPES,
  heads: [{ id: "carpal's" }, FAINT],
};

/** Tests that every part works. Its figures mean nothing. */
export const MINIATURE_COLLAPSE: CollapsePlan = {
  ...COLLAPSE,
  phantoms: { people: 4, testPeople: 0, seed: 3, size: 256 },
  folds: 2,
  steps: 4,
  seeds: [1],
  networks: [{ name: 'SlimUNet', options: { width: 4, depth: 3 } }],
  recipes: RECIPES.slice(0, 2),
};

/** Every training, one seed after the other, so that an interrupted run has whole tables of fewer seeds. */
export function collapseRuns({ seeds, recipes, networks, heads }: CollapsePlan): readonly CollapseRun[] {
  return seeds.flatMap((seed) =>
    recipes.flatMap((recipe) =>
      networks.flatMap((network) =>
        heads.map((head) => ({ id: `${network.name}/${recipe.id}/${head.id}/${seed}`, network, recipe, head, seed })),
      ),
    ),
  );
}
