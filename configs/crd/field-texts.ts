/** The field descriptions of the CRD, as `kubectl explain segx.spec` shows them. */
import {
  AUGMENTATION_OPTIONS,
  LOSS_OPTIONS,
  MODEL_OPTIONS,
  OPTIMIZER_OPTIONS,
  type OptionTable,
  SCHEDULER_OPTIONS,
} from '../schema/options.ts';

/**
 * The description of the field at a path such as `spec.loss[].weight`; undefined if the table has none. The description of an option names
 * its owners and their defaults.
 */
export function fieldText(path: string): string | undefined {
  const text = FIELD_TEXTS[path.replace(STAGE_PLACEMENT, 'spec.placement.')];
  const dot = path.lastIndexOf('.');
  const table = OPTION_TABLES[path.slice(0, dot)];
  return table === undefined || text === undefined ? text : `${text}${ownersText(table, path.slice(dot + 1))}`;
}

/** The fields of a stage's own placement mean the same as those of the folds. */
const STAGE_PLACEMENT = /^spec\.placement\.(prepare|ensemble)\./;

const OPTION_TABLES: Readonly<Record<string, OptionTable>> = {
  'spec.model.options': MODEL_OPTIONS,
  'spec.scheduler.options': SCHEDULER_OPTIONS,
  'spec.augmentations[]': AUGMENTATION_OPTIONS,
  'spec.loss[]': LOSS_OPTIONS,
  'spec.optimizer.options': OPTIMIZER_OPTIONS,
};

/** A sentence with the names in the table that have the option, each with its default. */
function ownersText(table: OptionTable, option: string): string {
  const owners = Object.entries(table).filter(([, options]) => Object.hasOwn(options, option));
  const texts = owners.map(([name, options]) => (options[option] === null ? name : `${name} (default ${String(options[option])})`));
  return texts.length === 0 ? '' : ` For ${texts.join(', ')}.`;
}

const FIELD_TEXTS: Readonly<Record<string, string>> = {
  spec: 'What to train, how, and where it runs. Only dataset.uri and model.name are required. inference, ensemble, run (except folds), placement and report may change later.',
  'spec.owner': 'Who owns the experiment.',
  'spec.task': 'What the experiment tries out, as free text.',
  'spec.dataset': 'The images and annotations, and how they are split into folds.',
  'spec.dataset.uri':
    'Where the data set is: s3://bucket/prefix, file:///path or the path of a folder with train/DCM, train/outputs_json and test/DCM.',
  'spec.dataset.classes': 'The class list: the name of a file in configs/classes.',
  'spec.dataset.split': 'How the training images are split for cross-validation.',
  'spec.dataset.split.folds': 'Number of folds.',
  'spec.dataset.split.strategy':
    'group keeps all images of a person in one fold; stratifiedGroup also balances sex and height between folds, which the table of people must give for everyone.',
  'spec.dataset.split.seed': 'Seed of the split; decides which person is in which fold.',
  'spec.model': 'The network.',
  'spec.model.name': 'Name of the network.',
  'spec.model.options': 'Options of the network. Each option names the networks that have it.',
  'spec.model.options.width': 'Channels of the first level.',
  'spec.model.options.depth': 'Number of levels; input.size must be a multiple of 2^(depth-1).',
  'spec.model.options.guidance': 'Whether a classifier of the present classes guides the side heads.',
  'spec.model.options.variant':
    'published: as in the original. Otherwise B0 to B5 for SegFormer, W18 to W48 for HRNet, improved (other attention and dropout) for CustomUNet.',
  'spec.model.options.encoder': 'Network that computes the features.',
  'spec.model.options.head': 'published: as in the original; perClass: one output map per class.',
  'spec.model.options.divisor': 'Divides the channels of every level, for a smaller network.',
  'spec.model.pretrained': 'First weights of the encoder, and how it is trained from there. Omitted: random weights.',
  'spec.model.pretrained.uri': 'Where the weights are: a safetensors file.',
  'spec.model.pretrained.learningRateFactor':
    'Learning rate of the encoder, as a factor of the learning rate of the rest of the network. 0 keeps its weights as they are.',
  'spec.model.pretrained.layerDecay':
    'Learning rate of each stage of the encoder, as a factor of the next stage (layer-wise decay). After the last stage comes the rest of the network.',
  'spec.model.pretrained.frozenEpochs':
    "Number of first epochs in which the encoder's weights do not change. Its batch normalisation still adapts its statistics to the images.",
  'spec.input': 'The input of the network.',
  'spec.input.size':
    'Side of the square that every image is fitted into, in pixels. UNet needs a multiple of 16. auto: carpal run measures what fits the machine.',
  'spec.input.crop':
    'Trains on crops of a larger image, for full resolution. Every image is fitted into a square of imageSize; each sample is a random crop of it. Omitted: the network sees the whole image. Prediction uses overlapping windows of the same size and scale. input.size is then omitted.',
  'spec.input.crop.size': 'Side of a crop, in pixels: the input of the network. UNet needs a multiple of 16.',
  'spec.input.crop.imageSize': 'Side of the square that every image is fitted into, in pixels. The original is 2048.',
  'spec.input.crop.sampling':
    'Where crops are cut. foreground: each crop shows a place in a bone of a randomly chosen class, so every class is seen equally often; uniform: anywhere in the image; wrist: around the carpals.',
  'spec.input.normalize':
    'How grey values become numbers from 0 to 1. unit: from 0 to the white of the image; percentile: from its 0.5th to its 99.5th percentile; perImage: from 2 standard deviations below its mean to 6 above.',
  'spec.input.targets':
    'Value of a target pixel: the share of it that the bone covers (area), or whether its centre is inside the bone (nearest).',
  'spec.augmentations': 'Random changes to images and masks in training, in this order. An empty list: none.',
  'spec.augmentations[].name': 'Name of the augmentation.',
  'spec.augmentations[].probability': 'Probability that it is applied, from 0 to 1.',
  'spec.augmentations[].degrees': 'Largest rotation to either side, in degrees.',
  'spec.augmentations[].shift': 'Largest shift, as a fraction of the side.',
  'spec.augmentations[].scale': 'Largest change of the size, as a fraction.',
  'spec.augmentations[].brightness': 'Largest change of the brightness, as a fraction of the full range.',
  'spec.augmentations[].contrast': 'Largest change of the contrast, as a fraction.',
  'spec.augmentations[].low':
    'Lower limit: an exponent (gamma), pixels of the square (gaussianBlur), or sides of the box around the carpals (wristCrop).',
  'spec.augmentations[].high': 'Upper limit, in the unit of low.',
  'spec.augmentations[].sigma':
    'Standard deviation of the noise, in grey values from 0 to 1 (gaussianNoise); smoothness as a fraction of the side (elastic).',
  'spec.augmentations[].alpha': 'Largest displacement, as a fraction of the side; reduced where the image would fold over.',
  'spec.augmentations[].steps': 'Number of columns and rows of the grid.',
  'spec.augmentations[].limit': 'Largest change of the width of a column or row, as a fraction.',
  'spec.augmentations[].clipLimit': 'Highest clip limit; drawn from 1 to this value.',
  'spec.augmentations[].tiles': 'Number of tiles along each side.',
  'spec.loss': 'The losses; their weighted sum is minimised.',
  'spec.loss[].name': 'Name of the loss.',
  'spec.loss[].weight': 'Weight in the sum.',
  'spec.loss[].alpha': 'Focal: weight of pixels inside; pixels outside have 1 - alpha. FocalTversky: weight of false positives.',
  'spec.loss[].beta': 'Weight of false negatives.',
  'spec.loss[].gamma': 'Exponent that reduces the weight of easy pixels.',
  'spec.loss[].reduction':
    'perImageClass: the mean over each class of each image; global: one sum over everything, dominated by large bones.',
  'spec.optimizer': 'How gradients become steps.',
  'spec.optimizer.name': 'Name of the optimizer.',
  'spec.optimizer.learningRate': 'Learning rate at the start of the schedule.',
  'spec.optimizer.weightDecay': 'In each step, weights shrink by this value times the learning rate.',
  'spec.optimizer.options': 'Options of the optimizer. Each option names the optimizers that have it.',
  'spec.optimizer.options.beta1': 'Decay of the mean of the gradients.',
  'spec.optimizer.options.beta2': 'Decay of the mean of the squared gradients (Lion: of the mean that is kept).',
  'spec.optimizer.options.momentum': 'Decay of the accumulated direction.',
  'spec.optimizer.options.nesterov': 'Whether to use Nesterov momentum.',
  'spec.optimizer.options.smoothing': 'Decay of the mean of the squared gradients.',
  'spec.scheduler': 'How the learning rate changes.',
  'spec.scheduler.name': 'Name of the scheduler.',
  'spec.scheduler.options': 'Options of the scheduler. Each option names the schedulers that have it.',
  'spec.scheduler.options.warmupEpochs': 'Epochs of a linear increase before the schedule starts.',
  'spec.scheduler.options.factor': 'Factor of each reduction of the learning rate.',
  'spec.scheduler.options.patience': 'Validations without progress before the learning rate is reduced.',
  'spec.scheduler.options.threshold': 'Smallest relative change that counts as progress.',
  'spec.scheduler.options.cooldown': 'Validations to wait after a reduction.',
  'spec.scheduler.options.minLearningRate': 'Lowest learning rate.',
  'spec.scheduler.options.milestones':
    'Epochs after which the learning rate is reduced, in increasing order, counted from the end of the warm-up; required.',
  'spec.scheduler.options.gamma': 'Factor of the learning rate at a milestone, or of the peak of each cycle.',
  'spec.scheduler.options.tMax': 'Epochs of the decrease. Omitted: until the last epoch.',
  'spec.scheduler.options.power': 'Exponent of the decrease.',
  'spec.scheduler.options.cycleEpochs': 'Epochs of the first cycle; required.',
  'spec.scheduler.options.cycleMultiplier': 'Length of each cycle relative to the previous one.',
  'spec.scheduler.options.cycleWarmupEpochs': 'Epochs of a linear increase from minLearningRate at the start of each cycle.',
  'spec.training': 'How long and in what steps each fold trains.',
  'spec.training.epochs': 'Largest number of passes over the training images of a fold.',
  'spec.training.batchSize': 'Images in one batch. auto: carpal run measures the batch with the highest throughput that fits the machine.',
  'spec.training.accumulate':
    'Batches whose gradients are averaged for one step. The count continues across epochs; batches left over at the end are not used.',
  'spec.training.validateEvery': 'Epochs between two validations.',
  'spec.training.earlyStopping': 'When a fold ends before its last epoch.',
  'spec.training.earlyStopping.patience': 'Epochs without a better Dice before the fold ends, whatever validateEvery is; 0: never.',
  'spec.training.earlyStopping.minDelta': 'Smallest increase of Dice that counts as better.',
  'spec.training.gradientClip': 'Largest norm of all gradients together; 0: no limit.',
  'spec.training.seed': 'Seed of everything random in training.',
  'spec.training.precision': 'Precision of convolutions; weights, losses and the optimizer are always float32. float16 is for GPUs.',
  'spec.training.deepSupervision': 'Whether the side heads of the network are trained too.',
  'spec.training.headWeights': 'Weight of each head, the main head first. Omitted: all equal.',
  'spec.training.ema': 'A moving average of the weights, used for validation, checkpoints and prediction.',
  'spec.training.ema.decay': 'Decay of the average in one step of the optimizer, such as 0.999; 0: no average.',
  'spec.inference': 'How masks are predicted. May change at any time; after the folds have finished, only the ensemble stage runs again.',
  'spec.inference.threshold': 'A pixel belongs to a class if its probability is above this value.',
  'spec.inference.tta': 'Views of an image whose predictions are averaged (test-time augmentation).',
  'spec.inference.ttaDegrees': 'Rotation of the views rotateLeft and rotateRight, in degrees.',
  'spec.inference.ttaScale': 'Change of the size in the views scaleDown and scaleUp, as a fraction.',
  'spec.inference.window':
    'Sliding windows. Omitted: the network gets the whole image at input.size, or with input.crop windows of the size of a crop.',
  'spec.inference.window.size': 'Side of a window, in pixels.',
  'spec.inference.window.stride': 'Distance between neighbouring windows, in pixels.',
  'spec.inference.window.weights': 'Weights for the average of overlapping windows.',
  'spec.inference.window.sheetSize':
    'Side of the square that the image is fitted to before windows are cut: the size of the whole image in training, which is the default.',
  'spec.ensemble': 'How the folds become one submission. May change at any time; then the ensemble stage runs again.',
  'spec.ensemble.method':
    'soft: the networks are averaged; hard: each fold makes its own masks, and a pixel belongs to a class if more than half of the folds say so.',
  'spec.ensemble.perClassThresholds':
    'Whether each class gets a threshold of its own if that gains on people that had no part in the choice, by out-of-fold masks.',
  'spec.ensemble.perClassCleaning':
    'Whether each class keeps only its largest connected part or has its holes filled, if that gains on people that had no part in the choice.',
  'spec.run': 'How the work is carried out. Every field except folds may change at any time; the next attempts use the new value.',
  'spec.run.folds': 'The folds to train. An empty list: all folds.',
  'spec.run.parallelism': 'Number of folds that train at the same time.',
  'spec.run.suspend': 'true: every fold stops with a checkpoint and none starts; false: the experiment continues.',
  'spec.run.retry':
    'May only grow. Raising it reopens a failed experiment: its failed stages get new budgets and continue from their last checkpoint.',
  'spec.run.onFoldFailure':
    'What happens when a fold fails for good. continue: the other folds finish, then the experiment fails; stop: the other folds are stopped with a checkpoint.',
  'spec.run.maxFailures': 'How many failures of a stage are retried.',
  'spec.run.maxDisruptions':
    'How many evictions, preemptions, lost nodes, stalls and failures of the artifact store are retried for each stage.',
  'spec.run.startDeadline':
    'A stage fails if it cannot start for this time for a reason that waiting does not solve: an image that cannot be pulled, a Job that the API server rejects. Such as 90m or 2h.',
  'spec.run.capacityDeadline': 'A stage fails if it waits for a node or in a queue for longer. Omitted: it waits without a limit.',
  'spec.run.foldDeadline': 'A fold fails if it has run for this time, summed over its attempts. Waiting does not count.',
  'spec.run.stageDeadline': 'prepare or ensemble fails if it has run for this time, summed over its attempts. Waiting does not count.',
  'spec.run.stallTimeout': 'A stage that reports no progress for this time is stopped and retried, which counts towards maxDisruptions.',
  'spec.run.ttlAfterFinished': 'How long Jobs and pods are kept after the experiment ends.',
  'spec.run.ttlRemovesArtifacts':
    'Whether the artifacts of the experiment are removed with its Jobs: checkpoints, submission and report. The prepared data set stays, because experiments share it. Only an operator removes artifacts, carpal run does not.',
  'spec.run.deletionRemovesArtifacts':
    'Whether deleting the experiment also removes its artifacts: checkpoints, submission, report and logs. The prepared data set stays. Only an operator removes artifacts, carpal run does not.',
  'spec.placement': 'Resources of each fold, and the nodes that it may run on. May change at any time; the next attempts use it.',
  'spec.placement.gpus': 'Number of GPUs.',
  'spec.placement.cpu': 'CPU cores, such as "7" or "500m".',
  'spec.placement.memory': 'Memory, such as 48Gi.',
  'spec.placement.ephemeralStorage': 'Disk space for temporary files of a stage: requested from the node, and a limit.',
  'spec.placement.nodeSelector': 'Labels that a node must have.',
  'spec.placement.tolerations': 'Taints of nodes that pods tolerate.',
  'spec.placement.tolerations[].key': 'Key of the taint. Omitted, with operator Exists: every taint.',
  'spec.placement.tolerations[].operator': 'Exists: any value; Equal (default): the given value.',
  'spec.placement.tolerations[].value': 'Value of the taint.',
  'spec.placement.tolerations[].effect': 'Effect of the taint. Omitted: every effect.',
  'spec.placement.tolerations[].tolerationSeconds': 'NoExecute: how long the pod stays after the taint is added.',
  'spec.placement.priorityClassName': 'PriorityClass of the pods. Empty: the default of the cluster.',
  'spec.placement.queueName': 'Kueue LocalQueue of the Jobs. Empty: none. A change also moves stages that the queue has not admitted yet.',
  'spec.placement.workloadPriorityClass': 'Kueue WorkloadPriorityClass of the Jobs. Empty: none.',
  'spec.placement.prepare': 'What prepare gets. An omitted field has the default of the operator; gpus is then 0.',
  'spec.placement.ensemble': 'What the ensemble gets. An omitted field has the value of the folds.',
  'spec.placement.serviceAccountName': 'Service account of the pods. Empty: the default of the operator.',
  'spec.report':
    'Who gets reports. The fields are checked and stored; this version sends no reports yet. An omitted receiver is off. May change at any time.',
  'spec.report.slack': 'Slack: one message that is updated. Nothing is sent yet.',
  'spec.report.slack.channel': 'The channel, such as #xray.',
  'spec.report.kakao': 'KakaoTalk: messages. Nothing is sent yet.',
  'spec.report.kakao.receivers': 'Who gets the messages. An empty list: only the owner of the token.',
  'spec.report.sheets': 'Google Sheets: one row for the experiment. Nothing is written yet.',
  'spec.report.sheets.spreadsheetId': 'The spreadsheet. Empty: the default of the operator.',
  'spec.report.mlflow': 'MLflow: runs. Nothing is written yet.',
  'spec.report.mlflow.experiment': 'Name of the MLflow experiment.',
};
