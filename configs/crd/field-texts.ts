/** What `kubectl explain segx.spec` says about each field, less what the tables of options say. */
import { AUGMENTATION_OPTIONS, MODEL_OPTIONS, SCHEDULER_OPTIONS } from '../schema/options.ts';

/** The text of the field at a path such as `spec.loss[].weight`; undefined for a field that nobody has described yet. */
export function fieldText(path: string): string | undefined {
  const text = FIELD_TEXTS[path];
  const dot = path.lastIndexOf('.');
  const table = OPTION_TABLES[path.slice(0, dot)];
  return table === undefined || text === undefined ? text : `${text}${ownersText(table, path.slice(dot + 1))}`;
}

type OptionTable = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const OPTION_TABLES: Readonly<Record<string, OptionTable>> = {
  'spec.model.options': MODEL_OPTIONS,
  'spec.scheduler.options': SCHEDULER_OPTIONS,
  'spec.augmentations[]': AUGMENTATION_OPTIONS,
};

/** Which of the table have the option, and what it is when left out. */
function ownersText(table: OptionTable, option: string): string {
  const owners = Object.entries(table).filter(([, options]) => Object.hasOwn(options, option));
  const texts = owners.map(([name, options]) => (options[option] === null ? name : `${name} (default ${String(options[option])})`));
  return texts.length === 0 ? '' : ` Of ${texts.join(', ')}.`;
}

const FIELD_TEXTS: Readonly<Record<string, string>> = {
  spec: 'What is learned, how, and where it runs. dataset.uri and model.name are needed; everything else has a default. Only run.suspend, run.parallelism, run.ttlAfterFinished and report may change later.',
  'spec.owner': 'Whose experiment it is: the row it gets in the shared sheet.',
  'spec.task': 'Free words on what is tried.',
  'spec.dataset': 'The images and annotations, and how they are split into folds.',
  'spec.dataset.uri':
    'Where the data set lies: s3://bucket/prefix, file:///path or the path of a folder, with train/DCM, train/outputs_json and test/DCM inside.',
  'spec.dataset.classes': 'The list of classes, by the name of a file in configs/classes.',
  'spec.dataset.split': 'How the training half is split for cross-validation.',
  'spec.dataset.split.folds': 'Into how many folds.',
  'spec.dataset.split.strategy': 'group keeps the images of one person in one fold; stratifiedGroup also evens the folds out.',
  'spec.dataset.split.seed': 'Decides which person falls into which fold.',
  'spec.model': 'The network.',
  'spec.model.name': 'Which network.',
  'spec.model.options': 'Settings of the network; each says which networks have it.',
  'spec.model.options.width': 'Channels of the first level.',
  'spec.model.options.depth': 'Levels; input.size must be a multiple of 2^(depth-1).',
  'spec.model.options.guidance': 'Whether a classifier of what is there at all guides the side heads.',
  'spec.model.options.variant': 'Which of the published sizes: published, B0 to B5 of SegFormer, W18, W32, W48 of HRNet.',
  'spec.model.options.encoder': 'What makes the features.',
  'spec.model.options.head': 'published: as the original has it; perClass: one map for each class.',
  'spec.model.options.divisor': 'Divides the channels of every level, for a smaller network.',
  'spec.model.pretrained': 'First weights of the encoder; left out, random ones.',
  'spec.model.pretrained.uri': 'Where they are: a safetensors file.',
  'spec.input': 'What the network sees.',
  'spec.input.size': 'Side of the square that every image is fitted into, in pixels. UNet needs a multiple of 16.',
  'spec.input.normalize': 'unit: grey values from 0 to 1.',
  'spec.augmentations': 'What is done to images and masks while training, in this order. An empty list: nothing.',
  'spec.augmentations[].name': 'Which augmentation.',
  'spec.augmentations[].probability': 'How often it happens, from 0 to 1.',
  'spec.augmentations[].degrees': 'Most degrees to either side.',
  'spec.augmentations[].shift': 'Farthest shift, as a fraction of the side.',
  'spec.augmentations[].scale': 'Most that is made larger or smaller, as a fraction.',
  'spec.augmentations[].brightness': 'Most that is added or taken, as a fraction of the full range.',
  'spec.augmentations[].contrast': 'Most that contrast changes, as a fraction.',
  'spec.augmentations[].low':
    'The least: exponent (gamma), pixels of the square (gaussianBlur), sides of the box around the carpals (wristCrop).',
  'spec.augmentations[].high': 'The greatest, as low counts.',
  'spec.augmentations[].sigma':
    'Standard deviation: of grey values from 0 to 1 (gaussianNoise); of the smoothing, as a fraction of the side (elastic).',
  'spec.augmentations[].alpha': 'Farthest that a place is moved, as a fraction of the side.',
  'spec.augmentations[].steps': 'Columns and rows of the grid.',
  'spec.augmentations[].limit': 'Most that a column or row becomes wider or narrower, as a fraction.',
  'spec.augmentations[].clipLimit': 'Highest clip limit; it is drawn from 1 up to it.',
  'spec.augmentations[].tiles': 'Tiles along each side.',
  'spec.loss': 'The losses whose weighted sum is made small.',
  'spec.loss[].name': 'Which loss.',
  'spec.loss[].weight': 'Its weight in the sum.',
  'spec.optimizer': 'What turns gradients into steps.',
  'spec.optimizer.name': 'Which optimizer.',
  'spec.optimizer.learningRate': 'The learning rate that the schedule begins with.',
  'spec.optimizer.weightDecay': 'How much weights shrink in each step, times the learning rate.',
  'spec.scheduler': 'How the learning rate falls.',
  'spec.scheduler.name': 'Which schedule.',
  'spec.scheduler.options': 'Settings of the schedule; each says which schedules have it.',
  'spec.scheduler.options.warmupEpochs': 'Epochs of a linear climb before the schedule begins.',
  'spec.scheduler.options.factor': 'What the rate is multiplied by.',
  'spec.scheduler.options.patience': 'Validations without progress before the rate falls.',
  'spec.scheduler.options.threshold': 'The least relative change that counts as progress.',
  'spec.scheduler.options.cooldown': 'Validations to wait after the rate has fallen.',
  'spec.scheduler.options.minLearningRate': 'The rate does not fall below.',
  'spec.scheduler.options.milestones': 'The epochs after which the rate falls, rising; needed.',
  'spec.scheduler.options.gamma': 'What the rate is multiplied by.',
  'spec.scheduler.options.tMax': 'Epochs of the descent; left out, to the last epoch.',
  'spec.training': 'How long and in what steps each fold trains.',
  'spec.training.epochs': 'How often a fold sees its training images, at most.',
  'spec.training.batchSize': 'Images in one batch.',
  'spec.training.accumulate': 'Batches whose gradients are added up for one step.',
  'spec.training.validateEvery': 'Epochs from one validation to the next.',
  'spec.training.earlyStopping': 'When a fold ends before its last epoch.',
  'spec.training.earlyStopping.patience': 'After so many validations without a better Dice; 0: never.',
  'spec.training.earlyStopping.minDelta': 'By how much Dice must be better to count.',
  'spec.training.gradientClip': 'The greatest norm of all gradients together; 0: no limit.',
  'spec.training.seed': 'Decides everything random in training.',
  'spec.training.engine':
    'What runs a step: a recorded graph, operation by operation (eager), or a graph where the network allows one (auto).',
  'spec.training.precision': 'What convolutions compute in; weights, losses and the optimizer are always float32. float16 is for GPUs.',
  'spec.training.deepSupervision': 'Whether side heads of the network are trained too.',
  'spec.inference': 'How masks are predicted.',
  'spec.inference.threshold': 'A pixel belongs to a class when its probability is above.',
  'spec.inference.tta': 'The views of an image whose predictions are averaged.',
  'spec.inference.window': 'Sliding windows; left out, the whole image is seen at input.size.',
  'spec.inference.window.size': 'Side of a window, in pixels.',
  'spec.inference.window.stride': 'From one window to the next, in pixels.',
  'spec.inference.window.weights': 'How overlapping windows are averaged.',
  'spec.ensemble': 'How the folds become one submission.',
  'spec.ensemble.method': 'soft: probabilities are averaged.',
  'spec.ensemble.perClassThresholds': 'Whether each class gets the threshold that was best on the folds not trained on.',
  'spec.run': 'How the work is carried out. suspend, parallelism and ttlAfterFinished may change at any time.',
  'spec.run.folds': 'The folds to train; an empty list: all of them.',
  'spec.run.parallelism': 'How many folds train at a time. May change while they do.',
  'spec.run.suspend': 'true stops every fold with a checkpoint and starts none; false goes on.',
  'spec.run.maxFailures': 'How many failures of a stage are tried again.',
  'spec.run.maxDisruptions': 'How often a stage may be evicted, preempted or lose its node, and is tried again.',
  'spec.run.startDeadline': 'A stage whose pod has not started for this long fails the experiment, such as 90m or 2h.',
  'spec.run.foldDeadline': 'A fold that has run for this long, all attempts together, fails the experiment.',
  'spec.run.ttlAfterFinished': 'How long Jobs and pods are kept after the end.',
  'spec.placement': 'What each fold gets, and on which nodes.',
  'spec.placement.gpus': 'GPUs of a fold.',
  'spec.placement.cpu': 'Cores of a fold, such as "7" or "500m".',
  'spec.placement.memory': 'Memory of a fold, such as 48Gi.',
  'spec.placement.nodeSelector': 'Labels that a node must have.',
  'spec.placement.tolerations': 'Taints of nodes that are put up with.',
  'spec.placement.tolerations[].key': 'The taint; left out with operator Exists: every taint.',
  'spec.placement.tolerations[].operator': 'Exists: whatever its value; Equal (default): with this value.',
  'spec.placement.tolerations[].value': 'The value of the taint.',
  'spec.placement.tolerations[].effect': 'Of which effect; left out: of every one.',
  'spec.placement.tolerations[].tolerationSeconds': 'NoExecute: how long the pod stays after the taint has come.',
  'spec.placement.priorityClassName': 'The PriorityClass of the pods; empty: the default of the cluster.',
  'spec.placement.queueName': 'The Kueue LocalQueue that the Jobs wait in; empty: none.',
  'spec.placement.serviceAccountName': 'The service account of the pods; empty: as the operator is set up.',
  'spec.report': 'Who is told. What is left out is off. May change at any time.',
  'spec.report.slack': 'One message that is kept up to date.',
  'spec.report.slack.channel': 'The channel, such as #xray.',
  'spec.report.kakao': 'KakaoTalk messages.',
  'spec.report.kakao.receivers': 'Who gets them; an empty list: only the owner of the token.',
  'spec.report.sheets': 'A row in a Google sheet.',
  'spec.report.sheets.spreadsheetId': 'Which sheet; empty: as the operator is set up.',
  'spec.report.mlflow': 'Runs in MLflow.',
  'spec.report.mlflow.experiment': 'The experiment there.',
};
