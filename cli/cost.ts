import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { datasetFolder } from '@carpal/configs/dataset-folder.ts';
import type { Environment, NodeShape } from '@carpal/configs/environment.ts';
import { environmentNames, loadEnvironment } from '@carpal/configs/environment.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { loadExperiment } from '@carpal/configs/load.ts';
import type { ExperimentSpec, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { costText } from '@carpal/operator/cost/cost-text.ts';
import { type CostEstimate, estimateCost, type FoldPrice, fittingNodes } from '@carpal/operator/cost/estimate-cost.ts';
import {
  estimatedValidationMs,
  evenFolds,
  type FoldImages,
  type StepTimes,
  stepTimesFromHistory,
} from '@carpal/operator/cost/fold-time.ts';
import { foldsOf } from '@carpal/operator/experiment/stages.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { isInS3 } from '@carpal/report/dataset/open-dataset.ts';
import { Command, InvalidArgumentError } from 'commander';
import { collect } from './collect.ts';
import { foldImages } from './fold-images.ts';
import { type PastRun, readPastRun } from './past-run.ts';
import { wholeNumber } from './whole-number.ts';

type Options = {
  environment: string;
  instanceType?: string;
  stepMs?: number;
  history?: string;
  images?: number;
  workdir: string;
  set?: string[];
  json?: true;
};

/** A value with the sentence that says where it comes from. */
type Told<Value> = { readonly value: Value; readonly words: readonly string[] };

/** `carpal cost`: GPU hours and money of an experiment, before it is run. */
export const command = (): Command =>
  new Command()
    .description('Tells what an experiment will cost: GPU hours of its folds times the prices of an environment. It guesses no step time.')
    .argument('<file>', 'the manifest')
    .option(
      '--environment <name>',
      `one of configs/environments (${environmentNames().join(', ')}), or the path of such a file`,
      'eks-v100',
    )
    .option('--instance-type <name>', 'which of its nodes; needed where their GPUs differ')
    .option('--step-ms <n>', 'milliseconds of a training step on that node', positive)
    .option('--history <run>', 'take the step time of a run there: its metrics.ndjson, its folder or s3:// URI, or the name of a local run')
    .option('--images <n>', 'training images, where the data set is not at hand', wholeNumber('--images', 1, 999_999_999))
    .option('--workdir <folder>', 'where names of --history are looked for', '.carpal')
    .option('--set <path=value>', 'change a field of the manifest; may be given several times', collect)
    .option('--json', 'print JSON')
    .action(cost);

async function cost(file: string, options: Options): Promise<void> {
  const experiment = loadExperiment(file, { set: options.set ?? [] });
  const environment = loadEnvironment(options.environment);
  const nodes = chosenNodes(environment, experiment.spec, options.instanceType);
  const folds = await imagesOf(experiment, options.images);
  const pace = await paceOf(experiment.spec, folds.value, options);
  const estimate = estimateCost(experiment.spec, folds.value, pace.value, environment, nodes);
  const assumed = [...folds.words, ...pace.words, ...priceWords(estimate), ...ALWAYS(experiment.spec)];
  const text = options.json
    ? `${JSON.stringify({ experiment: experiment.metadata.name, ...estimate, assumed }, null, 2)}\n`
    : costText(estimate, experiment.spec.run.parallelism, assumed);
  process.stdout.write(text);
}

const ALWAYS = ({ training }: ExperimentSpec): readonly string[] => [
  `every fold trains all ${training.epochs} epochs; early stopping and disruptions change that`,
  'preparing, the ensemble, checkpoints, storage, nodes that start or idle, and the control plane are not counted',
];

/** The nodes that may run a fold. Throws `cost-unmeasured` where there is none, or where it matters which and nobody has said. */
function chosenNodes(environment: Environment, { placement }: ExperimentSpec, instanceType: string | undefined): readonly NodeShape[] {
  const { gpus, cpu, memory } = placement;
  const where = `environment ${environment.name}`;
  const fitting = fittingNodes(environment, placement).filter((node) => instanceType === undefined || node.instanceType === instanceType);
  if (fitting.length === 0) {
    const which = instanceType === undefined ? 'no node' : `no node ${instanceType}`;
    throw new CarpalError('cost-unmeasured', `${which} has room for a fold of ${gpus} GPUs, ${cpu} cores and ${memory}`, {
      where,
      fix: `Change spec.placement, or take another environment. Its nodes: ${environment.nodes.map((node) => node.instanceType).join(', ')}.`,
    });
  }
  const kinds = new Set(fitting.map((node) => node.gpu));
  if (kinds.size > 1) {
    throw new CarpalError(
      'cost-unmeasured',
      `its nodes have different GPUs (${[...kinds].join(', ')}), and a step time is of one of them`,
      {
        where,
        fix: `Say which with --instance-type: ${fitting.map((node) => node.instanceType).join(', ')}.`,
      },
    );
  }
  return fitting;
}

/** The images of each fold that is trained: counted where the data set is at hand, else dealt out evenly. */
async function imagesOf(experiment: SegmentationExperiment, images: number | undefined): Promise<Told<readonly FoldImages[]>> {
  const { uri, split } = experiment.spec.dataset;
  const trained = new Set(foldsOf(experiment));
  const only = (folds: readonly FoldImages[]): readonly FoldImages[] => folds.filter(({ fold }) => trained.has(fold));
  if (images !== undefined) {
    return {
      value: only(evenFolds(images, split.folds)),
      words: [`${images} training images, dealt out evenly to ${split.folds} folds (--images)`],
    };
  }
  if (isInS3(uri) || !existsSync(datasetFolder(uri))) {
    throw new CarpalError('cost-unmeasured', 'the data set is not at hand, so its images cannot be counted', {
      where: `spec.dataset.uri: ${uri}`,
      fix: 'Say how many training images it has with --images.',
    });
  }
  const { train } = await discoverDataset(datasetFolder(uri));
  return { value: only(foldImages(train, split)), words: [`${train.length} training images, counted in ${uri}`] };
}

async function paceOf(spec: ExperimentSpec, folds: readonly FoldImages[], options: Options): Promise<Told<StepTimes>> {
  const { batchSize } = spec.training;
  const share = 'validating an image takes a third of training on it (forwards only); not measured';
  if (options.stepMs !== undefined && options.history !== undefined)
    throw new CarpalError('usage-invalid', '--step-ms and --history both name a step time', { fix: 'Give one of them.' });
  if (options.stepMs !== undefined) {
    const { stepMs } = options;
    return {
      value: { stepMs, validationMsPerImage: estimatedValidationMs(stepMs, batchSize) },
      words: [`a step of ${batchSize} images takes ${stepMs} ms (--step-ms)`, share],
    };
  }
  if (options.history === undefined) {
    throw new CarpalError('cost-unmeasured', 'how long a training step takes on these nodes is not known', {
      fix: 'Train an epoch there and give --history RUN (its status.artifacts, or a metrics.ndjson), or give --step-ms; carpal bench step measures one on the machine that it runs on.',
    });
  }
  const past = await readPastRun(options.history, options.workdir);
  const same = comparable(spec, past, options.history);
  const batch = past.experiment?.spec.training.batchSize ?? batchSize;
  const validated = same ? folds.reduce((sum, { validation }) => sum + validation, 0) / Math.max(1, folds.length) : undefined;
  const pace = stepTimesFromHistory(
    past.folds.map((metrics) => ({ metrics, batchSize: batch })),
    batchSize,
    validated,
  );
  if (pace === undefined) throw new CarpalError('cost-unmeasured', 'the run has told no pace', { where: options.history });
  return {
    value: { stepMs: pace.stepMs, validationMsPerImage: pace.validationMsPerImage },
    words: [
      `a step of ${batchSize} images takes ${pace.stepMs.toFixed(1)} ms: the median of ${pace.epochs} epochs of ${past.title}, which must have run on such a node`,
      ...(past.experiment === undefined ? ['that run was of this manifest'] : []),
      pace.validationIsMeasured ? `validating an image takes ${pace.validationMsPerImage.toFixed(1)} ms, as it did there` : share,
    ],
  };
}

/** What the time of a step depends on. */
const paceFields = ({ model, input, training, augmentations }: ExperimentSpec): Readonly<Record<string, unknown>> => ({
  'spec.model.name': model.name,
  'spec.model.options': model.options,
  'spec.input.size': input.size,
  'spec.training.precision': training.precision,
  'spec.training.deepSupervision': training.deepSupervision,
  'spec.augmentations': augmentations,
});

/** Throws where the run's pace says nothing of this experiment's; else whether its validation saw as many images. */
function comparable(spec: ExperimentSpec, { experiment }: PastRun, where: string): boolean {
  if (experiment === undefined) return true;
  const [past, now] = [paceFields(experiment.spec), paceFields(spec)];
  const differing = Object.keys(now).filter((path) => !isDeepStrictEqual(past[path], now[path]));
  if (differing.length > 0) {
    throw new CarpalError('cost-unmeasured', `the run differs in ${differing.join(', ')}, so its steps took another time`, {
      where,
      fix: 'Give a run of the same network at the same size, or --step-ms.',
    });
  }
  return isDeepStrictEqual(experiment.spec.dataset, spec.dataset);
}

function priceWords({ onDemand, spot, currency }: CostEstimate): readonly string[] {
  const words = (kind: string, offer: FoldPrice | undefined): readonly string[] =>
    offer === undefined
      ? []
      : [
          `${kind}: ${offer.instanceType} at ${offer.price.perHour} ${currency} an hour for ${offer.foldsPerNode === 1 ? 'one fold' : `${offer.foldsPerNode} folds`}, of ${offer.price.date} (${offer.price.source})`,
        ];
  return [...words('on-demand', onDemand), ...words('spot', spot)];
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('It takes a number above 0.');
  return value;
}
