/** What docs/results.md measures: which networks are trained on what, and how their answers become masks. Pure. */
import type { ExperimentManifest, ModelSpec, TtaName } from '@carpal/configs/schema/experiment.ts';
import type { PhantomParameters } from '@carpal/trainer/phantom/phantom-set.ts';

/** A manifest's spec without its data set, and the folds that are trained. */
export type Training = {
  readonly id: string;
  readonly model: { readonly name: ModelSpec['name']; readonly options: ModelSpec['options'] };
  readonly spec: Omit<ExperimentManifest['spec'], 'dataset'>;
  readonly folds: readonly number[];
};

/** One way of turning a training's networks into masks of the test half. */
export type Reading = {
  readonly id: string;
  /** The id of the training whose networks are used. */
  readonly training: string;
  readonly title: string;
  /** Each entry is a set of folds that vote together. The figures of several sets are averaged image by image. */
  readonly votes: readonly (readonly number[])[];
  /** Each class by its own probability, or each pixel only to its most probable class. */
  readonly decode: 'sigmoid' | 'argmax';
  readonly tta: readonly TtaName[];
  readonly ensemble: { readonly method: 'soft' | 'hard'; readonly perClassThresholds: boolean; readonly perClassCleaning: boolean };
  /** The id of the reading that it is compared with, per person. */
  readonly against?: string;
};

/** Images of one size whose true masks are reduced and enlarged again. */
export type CeilingPlan = { readonly phantoms: PhantomParameters; readonly sizes: readonly number[] };

/** Everything that one run measures. */
export type Study = {
  readonly phantoms: PhantomParameters;
  readonly folds: number;
  readonly size: number;
  readonly trainings: readonly Training[];
  /** The ids of one reading per network, in the order of the table. */
  readonly networks: readonly string[];
  /** The ids of the readings in the table of ablations, including those that others are compared with. */
  readonly ablations: readonly string[];
  readonly readings: readonly Reading[];
  readonly ceilings: readonly CeilingPlan[];
};

/** The sizes of a study. The recipe is the same for all. */
export type StudySize = {
  readonly phantoms: PhantomParameters;
  readonly folds: number;
  readonly size: number;
  /** Crops are as large as a whole training image, so that as many pixels are trained. This is the image that they are cut from. */
  readonly cropImageSize: number;
  readonly epochs: number;
  readonly validateEvery: number;
  readonly models: readonly Training['model'][];
  /** The network of the ablations. */
  readonly fast: Training['model'];
  readonly ceilings: readonly CeilingPlan[];
};

const PLAIN = { method: 'soft', perClassThresholds: false, perClassCleaning: false } as const;
const DICE_AND_BCE = [
  { name: 'Dice', weight: 1 },
  { name: 'BCE', weight: 1 },
] as const;
const FLIP: readonly TtaName[] = ['identity', 'flipHorizontal'];
const ALL_VIEWS: readonly TtaName[] = [...FLIP, 'rotateLeft', 'rotateRight', 'scaleDown', 'scaleUp'];

/** The budget and recipe of every training. */
function recipe({ size, epochs, validateEvery }: StudySize): Training['spec'] {
  return {
    model: { name: 'SlimUNet' },
    input: { size, targets: 'area' },
    augmentations: [
      { name: 'flipHorizontal', probability: 0.5 },
      { name: 'shiftScaleRotate', shift: 0.05, scale: 0.1, degrees: 25, probability: 0.7 },
    ],
    loss: [...DICE_AND_BCE],
    optimizer: { name: 'AdamW', learningRate: 3e-3, weightDecay: 1e-4 },
    scheduler: { name: 'CosineAnnealingLR', options: { warmupEpochs: 2, minLearningRate: 1e-5 } },
    training: { epochs, batchSize: 2, validateEvery, earlyStopping: { patience: 0 }, gradientClip: 1 },
    inference: { threshold: 0.5, tta: ['identity'] },
    ensemble: PLAIN,
  };
}

/**
 * The study of that size: a training of fold 0 for every network, all folds of the fast network in four variants, and their readings.
 * Compared readings differ in one thing. Single networks are compared over all folds, so that chance in one fold has little effect.
 */
export function studyOf(sizes: StudySize): Study {
  const { phantoms, folds, size, cropImageSize, models, fast, ceilings } = sizes;
  const all = Array.from({ length: folds }, (_, fold) => fold);
  const common = recipe(sizes);
  const training = (id: string, model: Training['model'], own: Partial<Training['spec']>, trained: readonly number[]): Training => ({
    id,
    model,
    spec: { ...common, ...own, model },
    folds: trained,
  });
  const isFast = ({ name }: Training['model']): boolean => name === fast.name;
  const base = idOf(fast.name);
  const trainings = [
    training(base, fast, {}, all),
    training(`${base}-nearest`, fast, { input: { size, targets: 'nearest' } }, all),
    training(`${base}-crops`, fast, { input: { crop: { size, imageSize: cropImageSize }, targets: 'area' } }, all),
    training(`${base}-bce`, fast, { loss: [{ name: 'BCE', weight: 1 }] }, all),
    ...models.filter((model) => !isFast(model)).map((model) => training(idOf(model.name), model, {}, [0])),
  ];
  const networks = models.map(
    ({ name }): Reading => ({
      ...{ id: `network-${idOf(name)}`, training: idOf(name), title: name, votes: [[0]] },
      ...{ decode: 'sigmoid', tta: ['identity'], ensemble: PLAIN },
    }),
  );
  const ablations = ablationReadings(base, all, sizes);
  return {
    phantoms,
    folds,
    size,
    trainings,
    networks: networks.map(({ id }) => id),
    ablations: ablations.map(({ id }) => id),
    readings: [...networks, ...ablations],
    ceilings,
  };
}

function ablationReadings(base: string, folds: readonly number[], { size, cropImageSize }: StudySize): readonly Reading[] {
  const singles = folds.map((fold) => [fold]);
  const common = { training: base, votes: singles, decode: 'sigmoid', tta: ['identity'], ensemble: PLAIN } as const;
  const single = { ...common, against: 'single' };
  const vote = { ...common, votes: [folds], against: 'vote-soft' };
  return [
    { ...common, id: 'single', title: 'one network: area targets, Dice + BCE, no views, threshold 0.5' },
    { ...single, id: 'targets-nearest', training: `${base}-nearest`, title: 'one network: nearest-pixel targets' },
    {
      ...single,
      id: 'crops',
      training: `${base}-crops`,
      title: `one network: crops of ${size} px at ${cropImageSize} px instead of whole images at ${size} px, as many pixels trained`,
    },
    { ...single, id: 'loss-bce', training: `${base}-bce`, title: 'one network: BCE alone' },
    { ...single, id: 'decode-argmax', decode: 'argmax', title: 'one network: one label per pixel, the most probable bone' },
    { ...single, id: 'views-flip', tta: FLIP, title: 'one network, two views: original and flipped' },
    { ...single, id: 'views-all', tta: ALL_VIEWS, title: 'one network, six views: flipped, rotated both ways, smaller, larger' },
    { ...single, id: 'vote-soft', votes: [folds], title: `${folds.length} folds, mean of their damped logits` },
    {
      ...single,
      id: 'vote-hard',
      votes: [folds],
      ensemble: { ...PLAIN, method: 'hard' },
      title: `${folds.length} folds, each with one vote per pixel`,
    },
    { ...vote, id: 'thresholds', ensemble: { ...PLAIN, perClassThresholds: true }, title: 'soft vote, a threshold per class' },
    { ...vote, id: 'cleaning', ensemble: { ...PLAIN, perClassCleaning: true }, title: 'soft vote, cleaning where it gains out of fold' },
    {
      ...{ ...vote, id: 'all-levers', tta: FLIP, title: 'soft vote, two views, a threshold per class, cleaning' },
      ensemble: { method: 'soft', perClassThresholds: true, perClassCleaning: true },
    },
  ];
}

const idOf = (name: string): string => name.toLowerCase();
