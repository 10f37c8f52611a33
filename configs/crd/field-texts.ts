/** What `kubectl explain segx.spec` says about each field, less what the tables of options say. */
import { LOSS_OPTIONS, OPTIMIZER_OPTIONS, SCHEDULER_OPTIONS } from '../schema/objective-options.ts';
import { AUGMENTATION_OPTIONS, MODEL_OPTIONS } from '../schema/options.ts';

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
  'spec.loss[]': LOSS_OPTIONS,
  'spec.optimizer.options': OPTIMIZER_OPTIONS,
};

/** Which of the table have the option, and what it is when left out. */
function ownersText(table: OptionTable, option: string): string {
  const owners = Object.entries(table).filter(([, options]) => Object.hasOwn(options, option));
  const texts = owners.map(([name, options]) => (options[option] === null ? name : `${name} (default ${String(options[option])})`));
  return texts.length === 0 ? '' : ` Of ${texts.join(', ')}.`;
}

const FIELD_TEXTS: Readonly<Record<string, string>> = {
  spec: 'What is learned, how, and where it runs. dataset.uri and model.name are needed; everything else has a default. Only run.suspend, run.parallelism, run.ttlAfterFinished, run.ttlRemovesArtifacts and report may change later.',
  'spec.owner': 'Whose experiment it is.',
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
  'spec.input.size':
    'Side of the square that every image is fitted into, in pixels. UNet needs a multiple of 16. With auto, carpal run measures what fits the machine.',
  'spec.input.normalize': 'unit: grey values from 0 to 1.',
  'spec.input.targets':
    'What a target pixel says: the share of it that the bone covers (area), or whether its centre lies in the bone (nearest).',
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
  'spec.augmentations[].alpha': 'Farthest that a place is moved, as a fraction of the side; less where the image would fold over.',
  'spec.augmentations[].steps': 'Columns and rows of the grid.',
  'spec.augmentations[].limit': 'Most that a column or row becomes wider or narrower, as a fraction.',
  'spec.augmentations[].clipLimit': 'Highest clip limit; it is drawn from 1 up to it.',
  'spec.augmentations[].tiles': 'Tiles along each side.',
  'spec.loss': 'The losses whose weighted sum is made small.',
  'spec.loss[].name': 'Which loss.',
  'spec.loss[].weight': 'Its weight in the sum.',
  'spec.loss[].alpha': 'Focal: the weight of pixels inside, 1 - alpha outside. FocalTversky: the weight of what is found and not there.',
  'spec.loss[].beta': 'The weight of what is there and not found.',
  'spec.loss[].gamma': 'The exponent that takes weight from what is nearly right.',
  'spec.loss[].reduction': 'perImageClass: areas of each class in each image, all alike; global: of everything, large bones first.',
  'spec.optimizer': 'What turns gradients into steps.',
  'spec.optimizer.name': 'Which optimizer.',
  'spec.optimizer.learningRate': 'The learning rate that the schedule begins with.',
  'spec.optimizer.weightDecay': 'How much weights shrink in each step, times the learning rate.',
  'spec.optimizer.options': 'Settings of the optimizer; each says which optimizers have it.',
  'spec.optimizer.options.beta1': 'What the mean of gradients keeps in a step.',
  'spec.optimizer.options.beta2': 'What the mean of squares (Lion: the mean that is kept) keeps in a step.',
  'spec.optimizer.options.momentum': 'What the gathered direction keeps in a step.',
  'spec.optimizer.options.nesterov': 'Whether momentum looks one step ahead.',
  'spec.optimizer.options.smoothing': 'What the mean of squares keeps in a step.',
  'spec.scheduler': 'How the learning rate falls.',
  'spec.scheduler.name': 'Which schedule.',
  'spec.scheduler.options': 'Settings of the schedule; each says which schedules have it.',
  'spec.scheduler.options.warmupEpochs': 'Epochs of a linear climb before the schedule begins.',
  'spec.scheduler.options.factor': 'What the rate is multiplied by.',
  'spec.scheduler.options.patience': 'Validations without progress before the rate falls.',
  'spec.scheduler.options.threshold': 'The least relative change that counts as progress.',
  'spec.scheduler.options.cooldown': 'Validations to wait after the rate has fallen.',
  'spec.scheduler.options.minLearningRate': 'The rate does not fall below.',
  'spec.scheduler.options.milestones': 'The epochs after which the rate falls, rising, from the end of the warm-up; needed.',
  'spec.scheduler.options.gamma': 'What the rate, or the peak of each cycle, is multiplied by.',
  'spec.scheduler.options.tMax': 'Epochs of the descent; left out, to the last epoch.',
  'spec.scheduler.options.power': 'The exponent of the descent.',
  'spec.scheduler.options.cycleEpochs': 'Epochs of the first cycle; needed.',
  'spec.scheduler.options.cycleMultiplier': 'How much longer each cycle is than the one before.',
  'spec.scheduler.options.cycleWarmupEpochs': 'Epochs of a linear climb from minLearningRate at the start of each cycle.',
  'spec.training': 'How long and in what steps each fold trains.',
  'spec.training.epochs': 'How often a fold sees its training images, at most.',
  'spec.training.batchSize': 'Images in one batch. With auto, carpal run measures what fits the machine and gains speed.',
  'spec.training.accumulate':
    'Batches whose gradients are averaged for one step. They are counted on from one epoch to the next; those left over in the end move nothing.',
  'spec.training.validateEvery': 'Epochs from one validation to the next.',
  'spec.training.earlyStopping': 'When a fold ends before its last epoch.',
  'spec.training.earlyStopping.patience': 'After so many validations without a better Dice; 0: never.',
  'spec.training.earlyStopping.minDelta': 'By how much Dice must be better to count.',
  'spec.training.gradientClip': 'The greatest norm of all gradients together; 0: no limit.',
  'spec.training.seed': 'Decides everything random in training.',
  'spec.training.precision': 'What convolutions compute in; weights, losses and the optimizer are always float32. float16 is for GPUs.',
  'spec.training.deepSupervision': 'Whether side heads of the network are trained too.',
  'spec.training.headWeights': 'How much each head counts, the answer first; left out, all alike.',
  'spec.training.ema': 'The moving average of weights that is validated, kept and predicts.',
  'spec.training.ema.decay': 'What the average keeps in a step of the optimizer, such as 0.999; 0: no average.',
  'spec.inference': 'How masks are predicted.',
  'spec.inference.threshold': 'A pixel belongs to a class when its probability is above.',
  'spec.inference.tta': 'The views of an image whose predictions are averaged.',
  'spec.inference.ttaDegrees': 'How far the views rotateLeft and rotateRight turn, in degrees.',
  'spec.inference.ttaScale': 'By what share the views scaleDown and scaleUp change the size.',
  'spec.inference.window': 'Sliding windows; left out, the whole image is seen at input.size.',
  'spec.inference.window.size': 'Side of a window, in pixels.',
  'spec.inference.window.stride': 'From one window to the next, in pixels.',
  'spec.inference.window.weights': 'How overlapping windows are averaged.',
  'spec.inference.window.sheetSize': 'Side of the square that the sheet is fitted to before windows are cut; left out, twice the window.',
  'spec.ensemble': 'How the folds become one submission.',
  'spec.ensemble.method':
    'soft: probabilities are averaged; hard: each fold makes masks of its own, and a pixel is in where more than half of them have it.',
  'spec.ensemble.perClassThresholds': 'Whether each class gets the threshold that was best on the folds not trained on.',
  'spec.ensemble.perClassCleaning':
    'Whether each class keeps its largest piece alone or has its holes filled, where that scored better out of fold.',
  'spec.run': 'How the work is carried out. suspend, parallelism, ttlAfterFinished and ttlRemovesArtifacts may change at any time.',
  'spec.run.folds': 'The folds to train; an empty list: all of them.',
  'spec.run.parallelism': 'How many folds train at a time. May change while they do.',
  'spec.run.suspend': 'true stops every fold with a checkpoint and starts none; false goes on.',
  'spec.run.maxFailures': 'How many failures of a stage are tried again.',
  'spec.run.maxDisruptions': 'How often a stage may be evicted, preempted or lose its node, and is tried again.',
  'spec.run.startDeadline': 'A stage whose pod has not started for this long fails the experiment, such as 90m or 2h.',
  'spec.run.foldDeadline': 'A fold that has run for this long, all attempts together, fails the experiment.',
  'spec.run.ttlAfterFinished': 'How long Jobs and pods are kept after the end.',
  'spec.run.ttlRemovesArtifacts':
    'Whether everything that the experiment left in the artifact store goes with its Jobs: checkpoints, submission and report. What is prepared of a data set stays, since experiments share it. An operator does this; carpal run removes nothing.',
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
  'spec.report':
    'Who is to be told. It is checked and kept; this version sends nothing to anybody yet. What is left out is off. May change at any time.',
  'spec.report.slack': 'Slack, for one message that is to be kept up to date; nothing is sent yet.',
  'spec.report.slack.channel': 'The channel, such as #xray.',
  'spec.report.kakao': 'KakaoTalk, for messages; nothing is sent yet.',
  'spec.report.kakao.receivers': 'Who is to get them; an empty list: only the owner of the token.',
  'spec.report.sheets': 'Google Sheets, for a row of the experiment; nothing is written yet.',
  'spec.report.sheets.spreadsheetId': 'Which sheet; empty: as the operator is to be set up.',
  'spec.report.mlflow': 'MLflow, for runs there; nothing is written yet.',
  'spec.report.mlflow.experiment': 'The experiment there.',
};
