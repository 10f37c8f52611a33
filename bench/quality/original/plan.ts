/** Which networks carpal and the original's definitions train on equal terms, and with which recipes. Pure. */
import type { ExperimentManifest, ModelSpec } from '@carpal/configs/schema/experiment.ts';
import type { PhantomParameters } from '@carpal/trainer/phantom/phantom-set.ts';
import type { Reading, Study, Training } from '../study.ts';

/** What a recipe adds to a manifest that names only the data set and the network. */
export type Recipe = {
  readonly id: string;
  readonly title: string;
  readonly spec: Omit<ExperimentManifest['spec'], 'dataset' | 'model'>;
};

export type Network = { readonly name: ModelSpec['name']; readonly options: ModelSpec['options'] };

/** The budget of every training, and what is trained with it. */
export type Contest = {
  readonly phantoms: PhantomParameters;
  readonly folds: number;
  readonly size: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly seeds: readonly number[];
  readonly networks: readonly Network[];
  readonly recipes: readonly Recipe[];
};

/** The same network, recipe and seed, trained by carpal and by the baseline. */
export type Match = { readonly id: string; readonly network: Network; readonly recipe: Recipe; readonly seed: number };

/**
 * The recipe of the original's best run: area losses over the whole batch, no augmentation, one pixel of the mask for each target pixel.
 * Its optimizer and schedule are carpal's defaults.
 */
const ORIGINAL: Recipe = {
  id: 'original',
  title: "the original's recipe",
  spec: {
    input: { targets: 'nearest' },
    augmentations: [],
    loss: [
      { name: 'Dice', weight: 0.9 },
      { name: 'IoU', weight: 0.9, reduction: 'global' },
      { name: 'BCE', weight: 0.1 },
      { name: 'FocalTversky', weight: 0.3, reduction: 'global' },
    ],
    optimizer: { name: 'AdamW', learningRate: 1e-3, weightDecay: 1e-4 },
    scheduler: { name: 'ReduceLROnPlateau' },
  },
};

/** What a manifest of two lines trains with. */
const DEFAULT: Recipe = { id: 'default', title: "carpal's default", spec: {} };

/** About two hours on two cores. Networks that would take most of the time are narrower, on both sides. */
export const FULL_CONTEST: Contest = {
  phantoms: { people: 12, testPeople: 5, seed: 23, size: 512 },
  folds: 4,
  size: 96,
  epochs: 40,
  batchSize: 2,
  seeds: [1, 2, 3],
  networks: [
    { name: 'UNet', options: {} },
    { name: 'NestedUNet', options: { width: 16 } },
    { name: 'UNet3Plus', options: { width: 16 } },
    { name: 'DUCKNet', options: { width: 8 } },
    { name: 'FCNResNet50', options: { width: 32 } },
    { name: 'RAPUNet', options: { width: 16, divisor: 2 } },
    { name: 'SegFormer', options: { variant: 'published', divisor: 2 } },
    { name: 'CustomUNet', options: { width: 32 } },
  ],
  recipes: [ORIGINAL, DEFAULT],
};

/** Tests that every part works. Its figures mean nothing. */
export const MINIATURE_CONTEST: Contest = {
  ...FULL_CONTEST,
  phantoms: { people: 4, testPeople: 2, seed: 23, size: 256 },
  folds: 2,
  size: 64,
  epochs: 2,
  seeds: [1],
  networks: [{ name: 'SegFormer', options: { variant: 'B0', divisor: 4 } }],
};

/** Every match of a contest, one seed after the other, so that an interrupted run has whole tables of fewer seeds. */
export function matchesOf({ seeds, recipes, networks }: Contest): readonly Match[] {
  return seeds.flatMap((seed) =>
    recipes.flatMap((recipe) =>
      networks.map((network) => ({ id: `${network.name.toLowerCase()}-${recipe.id}-${seed}`, network, recipe, seed })),
    ),
  );
}

/** carpal's side as a study with one training and one reading per match: fold 0, one view, threshold 0.5. Both have the match's id. */
export function studyOfContest(contest: Contest): Study {
  const { phantoms, folds, size, epochs, batchSize } = contest;
  const matches = matchesOf(contest);
  const trainings = matches.map(({ id, network, recipe, seed }): Training => {
    const training = { epochs, batchSize, seed, earlyStopping: { patience: 0 } };
    const input = { ...recipe.spec.input, size };
    const inference = { threshold: 0.5, tta: ['identity' as const] };
    return { id, model: network, spec: { ...recipe.spec, model: network, input, training, inference }, folds: [0] };
  });
  const readings = matches.map(({ id }): Reading => {
    const ensemble = { method: 'soft', perClassThresholds: false, perClassCleaning: false } as const;
    return { id, training: id, title: id, votes: [[0]], decode: 'sigmoid', tta: ['identity'], ensemble };
  });
  return { phantoms, folds, size, trainings, networks: [], ablations: [], readings, ceilings: [] };
}
