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
import { foldImages } from './fold-images.ts';
import { collect, wholeNumber } from './option-values.ts';
import { type PastRun, readPastRun } from './past-run.ts';

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

/** A value with the assumptions behind it, as sentences. */
type Sourced<Value> = { readonly value: Value; readonly assumptions: readonly string[] };

/** `carpal cost`: GPU hours and cost of an experiment before it runs. */
export const command = (): Command =>
  new Command()
    .description(
      'Estimates the cost of an experiment: GPU hours of its folds times the prices of an environment. The step time is never guessed.',
    )
    .argument('<file>', 'the manifest')
    .option(
      '--environment <name>',
      `one of configs/environments (${environmentNames().join(', ')}), or the path of such a file`,
      'eks-v100',
    )
    .option('--instance-type <name>', 'the node type; required if the fitting nodes have different GPUs')
    .option('--step-ms <n>', 'milliseconds per training step on that node', positive)
    .option('--history <run>', 'take the step time of a past run: its metrics.ndjson, its folder or s3:// URI, or the name of a local run')
    .option('--images <n>', 'number of training images, if the data set is not local', wholeNumber('--images', 1, 999_999_999))
    .option('--workdir <folder>', 'where --history looks for names', '.carpal')
    .option('--set <path=value>', 'change a field of the manifest; may be given several times', collect)
    .option('--json', 'print JSON')
    .action(cost);

async function cost(file: string, options: Options): Promise<void> {
  const experiment = loadExperiment(file, { set: options.set ?? [] });
  const environment = loadEnvironment(options.environment);
  const nodes = chosenNodes(environment, experiment.spec, options.instanceType);
  const folds = await imagesOf(experiment, options.images);
  const pace = await stepTimesOf(experiment.spec, folds.value, options);
  const estimate = estimateCost(experiment.spec, folds.value, pace.value, environment, nodes);
  const assumed = [...folds.assumptions, ...pace.assumptions, ...priceAssumptions(estimate), ...ALWAYS(experiment.spec)];
  const text = options.json
    ? `${JSON.stringify({ experiment: experiment.metadata.name, ...estimate, assumed }, null, 2)}\n`
    : costText(estimate, experiment.spec.run.parallelism, assumed);
  process.stdout.write(text);
}

const ALWAYS = ({ training }: ExperimentSpec): readonly string[] => [
  `every fold trains all ${training.epochs} epochs; early stopping and disruptions change that`,
  'not included: prepare, ensemble, checkpoints, storage, starting or idle nodes, and the control plane',
];

/** The nodes that can run a fold. Throws `cost-unmeasured` if no node can, or if nodes with different GPUs can and the user chose none. */
function chosenNodes(environment: Environment, { placement }: ExperimentSpec, instanceType: string | undefined): readonly NodeShape[] {
  const { gpus, cpu, memory } = placement;
  const where = `environment ${environment.name}`;
  const fitting = fittingNodes(environment, placement).filter((node) => instanceType === undefined || node.instanceType === instanceType);
  if (fitting.length === 0) {
    const which = instanceType === undefined ? 'no node' : `no node ${instanceType}`;
    throw new CarpalError(
      'cost-unmeasured',
      `${which} has room for a fold with ${gpus === 1 ? '1 GPU' : `${gpus} GPUs`}, ${cpu} cores and ${memory}`,
      {
        where,
        fix: `Change spec.placement, or use another environment. The nodes of this one: ${environment.nodes.map((node) => node.instanceType).join(', ')}.`,
      },
    );
  }
  const kinds = new Set(fitting.map((node) => node.gpu));
  if (kinds.size > 1) {
    throw new CarpalError(
      'cost-unmeasured',
      `its nodes have different GPUs (${[...kinds].join(', ')}), and a step time is valid for only one of them`,
      {
        where,
        fix: `Choose one with --instance-type: ${fitting.map((node) => node.instanceType).join(', ')}.`,
      },
    );
  }
  return fitting;
}

/** The images of each trained fold: counted if the data set is local, otherwise distributed evenly. */
async function imagesOf(experiment: SegmentationExperiment, images: number | undefined): Promise<Sourced<readonly FoldImages[]>> {
  const { uri, split } = experiment.spec.dataset;
  const trained = new Set(foldsOf(experiment));
  const only = (folds: readonly FoldImages[]): readonly FoldImages[] => folds.filter(({ fold }) => trained.has(fold));
  if (images !== undefined) {
    return {
      value: only(evenFolds(images, split.folds)),
      assumptions: [`${images} training images, distributed evenly over ${split.folds} folds (--images)`],
    };
  }
  if (isInS3(uri) || !existsSync(datasetFolder(uri))) {
    throw new CarpalError('cost-unmeasured', 'the data set is not local, so its images cannot be counted', {
      where: `spec.dataset.uri: ${uri}`,
      fix: 'Give the number of training images with --images.',
    });
  }
  const { train } = await discoverDataset(datasetFolder(uri));
  return { value: only(foldImages(train, split)), assumptions: [`${train.length} training images, counted in ${uri}`] };
}

async function stepTimesOf(spec: ExperimentSpec, folds: readonly FoldImages[], options: Options): Promise<Sourced<StepTimes>> {
  const { batchSize } = spec.training;
  const share = 'validating an image takes a third of the time of training on it (forward pass only); not measured';
  if (options.stepMs !== undefined && options.history !== undefined)
    throw new CarpalError('usage-invalid', '--step-ms and --history both give a step time', { fix: 'Give only one of them.' });
  if (options.stepMs !== undefined) {
    const { stepMs } = options;
    return {
      value: { stepMs, validationMsPerImage: estimatedValidationMs(stepMs, batchSize) },
      assumptions: [`a step of ${batchSize} images takes ${stepMs} ms (--step-ms)`, share],
    };
  }
  if (options.history === undefined) {
    throw new CarpalError('cost-unmeasured', 'the time of a training step on these nodes is not known', {
      fix: 'Train an epoch there and give --history RUN (its status.artifacts, or a metrics.ndjson), or give --step-ms; carpal bench step measures a step on the machine that it runs on.',
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
  if (pace === undefined) throw new CarpalError('cost-unmeasured', 'the run has no measured throughput', { where: options.history });
  return {
    value: { stepMs: pace.stepMs, validationMsPerImage: pace.validationMsPerImage },
    assumptions: [
      `a step of ${batchSize} images takes ${pace.stepMs.toFixed(1)} ms: the median of ${pace.epochs} epochs of ${past.title}, which must have run on such a node`,
      ...(past.experiment === undefined ? ['that run used this manifest'] : []),
      pace.validationIsMeasured ? `validating an image takes ${pace.validationMsPerImage.toFixed(1)} ms, as it did there` : share,
    ],
  };
}

/** The settings that determine the time of a step. */
const timingFields = ({ model, input, training, augmentations }: ExperimentSpec): Readonly<Record<string, unknown>> => ({
  'spec.model.name': model.name,
  'spec.model.options': model.options,
  'spec.input.size': input.size,
  'spec.input.crop': input.crop,
  'spec.training.precision': training.precision,
  'spec.training.deepSupervision': training.deepSupervision,
  'spec.augmentations': augmentations,
});

/**
 * Throws if the run's throughput does not apply to this experiment. Otherwise returns whether its validation used the same number of
 * images.
 */
function comparable(spec: ExperimentSpec, { experiment }: PastRun, where: string): boolean {
  if (experiment === undefined) return true;
  const [past, now] = [timingFields(experiment.spec), timingFields(spec)];
  const differing = Object.keys(now).filter((path) => !isDeepStrictEqual(past[path], now[path]));
  if (differing.length > 0) {
    throw new CarpalError('cost-unmeasured', `the run differs in ${differing.join(', ')}, so its step time does not apply`, {
      where,
      fix: 'Give a run of the same network at the same size, or --step-ms.',
    });
  }
  return isDeepStrictEqual(experiment.spec.dataset, spec.dataset);
}

function priceAssumptions({ onDemand, spot, currency }: CostEstimate): readonly string[] {
  const assumptions = (kind: string, offer: FoldPrice | undefined): readonly string[] =>
    offer === undefined
      ? []
      : [
          `${kind}: ${offer.instanceType} at ${offer.price.perHour} ${currency} an hour for ${offer.foldsPerNode === 1 ? 'one fold' : `${offer.foldsPerNode} folds`}, of ${offer.price.date} (${offer.price.source})`,
        ];
  return [...assumptions('on-demand', onDemand), ...assumptions('spot', spot)];
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}
