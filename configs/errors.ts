/** The table of all errors that a user can see: meaning, fix and exit code. docs/errors.md has the same table; a test keeps them equal. */
import { plainText } from './plain-text.ts';

/**
 * Exit codes of all commands, from sysexits.h where it has a suitable one. `infrastructure`: the artifact store or a disk cannot be used
 * now; another attempt may succeed without a change of the experiment.
 */
export const EXIT = { ok: 0, usage: 64, data: 65, service: 69, bug: 70, infrastructure: 74, stopped: 75, configuration: 78 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

type ErrorEntry = { readonly exit: ExitCode; readonly meaning: string; readonly fix: string };

export const ERRORS = {
  'manifest-invalid': {
    exit: EXIT.configuration,
    meaning: 'The manifest breaks the rules of a SegmentationExperiment.',
    fix: 'Fix the listed fields, then check the file again with carpal validate FILE.',
  },
  'manifest-unreadable': {
    exit: EXIT.configuration,
    meaning: 'The manifest cannot be read: it is missing, not a file, too large, or not text.',
    fix: 'Give the path of a readable YAML or JSON file.',
  },
  'manifest-immutable': {
    exit: EXIT.configuration,
    meaning: 'A field that cannot change in an existing experiment was changed.',
    fix: 'Undo the change, or create a new experiment under another name.',
  },
  'sizes-unmeasured': {
    exit: EXIT.configuration,
    meaning: 'A size (input.size or training.batchSize) is auto, and this command does not measure sizes.',
    fix: 'Write numbers. carpal run --dry-run FILE prints numbers that fit, if it runs on the machine that will train.',
  },
  'memory-too-small': {
    exit: EXIT.configuration,
    meaning: 'A training step, or the logits of one image in all its views, need more memory than the process may use.',
    fix: 'Lower training.batchSize or input.size, use a smaller network, or give the process more memory.',
  },
  'trial-failed': {
    exit: EXIT.service,
    meaning: 'The process that tries training steps ended without a result.',
    fix: 'Read its output. carpal run --dry-run --no-trial skips the trial.',
  },
  'classes-unknown': {
    exit: EXIT.configuration,
    meaning: 'The class list does not exist, or its file is not a list of names.',
    fix: 'Write the name of a file in configs/classes in dataset.classes, such as hand-bones.',
  },
  'usage-invalid': {
    exit: EXIT.usage,
    meaning: 'A command got an option or argument that is not valid.',
    fix: 'Run the command with --help to see its options and arguments.',
  },
  'model-unknown': {
    exit: EXIT.configuration,
    meaning: 'There is no network with this name.',
    fix: 'Use a network that carpal models lists.',
  },
  'dataset-missing': {
    exit: EXIT.data,
    meaning: 'The data set does not exist at dataset.uri or at the given path.',
    fix: 'Give the folder that contains train/DCM and train/outputs_json. carpal data synth makes a data set for a first try.',
  },
  'dataset-layout': {
    exit: EXIT.data,
    meaning: 'The folder does not have images and annotations in the layout of the data set.',
    fix: 'Arrange the files as train/DCM/ID001/x.png and train/outputs_json/ID001/x.json. carpal data inspect shows what it finds.',
  },
  'phantom-folder-taken': {
    exit: EXIT.data,
    meaning: 'The folder for a phantom data set contains something else, or a phantom data set with other settings.',
    fix: 'Give a new folder with --out, or use the settings of the existing data set.',
  },
  'annotation-missing': {
    exit: EXIT.data,
    meaning: 'A training image has no annotation.',
    fix: 'Add the JSON file that the message names, or remove the image from the training folder.',
  },
  'annotation-invalid': {
    exit: EXIT.data,
    meaning: 'An annotation is invalid: not JSON, a number that is not finite, fewer than three points, or an unknown or repeated label.',
    fix: 'Fix the annotation that the message names. carpal data inspect lists all invalid annotations.',
  },
  'image-unreadable': {
    exit: EXIT.data,
    meaning: 'An image is damaged, incomplete, or of an unsupported format.',
    fix: 'Replace it with a complete PNG, JPEG or TIFF of 8 or 16 bits, or with a grey DICOM file. docs/data.md lists what is read.',
  },
  'image-too-large': {
    exit: EXIT.data,
    meaning: 'An image has more pixels than carpal reads.',
    fix: 'Scale it down. Radiographs of hands need at most 4096 × 4096 pixels.',
  },
  'table-unreadable': {
    exit: EXIT.data,
    meaning: 'The table of people (meta_data.csv or meta_data.xlsx) is not a table, is too large, or has no column ID.',
    fix: 'Save it as an xlsx or as a CSV in UTF-8 with the columns ID, sex and height, or remove it. docs/data.md describes it.',
  },
  'split-impossible': {
    exit: EXIT.data,
    meaning: 'A split with the strategy stratifiedGroup needs sex and height of everyone, and the table of people does not have them.',
    fix: 'Add meta_data.csv or meta_data.xlsx with ID, sex and height of every person, or set dataset.split.strategy to group.',
  },
  'folds-exceed-people': {
    exit: EXIT.data,
    meaning: 'The data set has fewer people than folds.',
    fix: 'Set dataset.split.folds to at most the number of people, or add people.',
  },
  'submission-unreadable': {
    exit: EXIT.data,
    meaning: 'A submission cannot be read: it is missing, not a file, or not permitted.',
    fix: 'Give the path of a readable CSV file.',
  },
  'submission-invalid': {
    exit: EXIT.data,
    meaning: 'A submission CSV breaks the format: a wrong header, a missing, repeated or unknown row, or an invalid run-length code.',
    fix: 'Fix the rows that the message names. carpal check lists all of them.',
  },
  'weights-invalid': {
    exit: EXIT.data,
    meaning: 'A weights file is damaged, is not a safetensors file, or contains numbers that are not finite.',
    fix: 'Give a .safetensors file that carpal wrote, or copy the file again.',
  },
  'weights-mismatch': {
    exit: EXIT.data,
    meaning: 'Weights belong to another network, or to other options, classes or another input size.',
    fix: 'Give weights of the network in the manifest, or change the manifest.',
  },
  'thresholds-invalid': {
    exit: EXIT.data,
    meaning: 'A thresholds file is invalid: not JSON, a threshold outside 0 to 1, or not exactly one entry for each class.',
    fix: 'Give the thresholds.json of an ensemble with the same classes.',
  },
  'checkpoint-invalid': {
    exit: EXIT.data,
    meaning: 'A checkpoint is damaged or does not belong to this fold.',
    fix: 'Remove the checkpoint folder that the message names. The fold then starts from the beginning.',
  },
  'prepared-invalid': {
    exit: EXIT.data,
    meaning: 'A prepared data set is damaged or incomplete.',
    fix: 'Remove the folder that the message names and run prepare again.',
  },
  'artifact-missing': {
    exit: EXIT.data,
    meaning: 'An artifact of an earlier stage is not in the store.',
    fix: 'Run the earlier stage, or check --artifacts.',
  },
  'artifact-too-large': {
    exit: EXIT.data,
    meaning: 'An artifact is larger than carpal reads.',
    fix: 'Remove the object that the message names; carpal did not write it in this form.',
  },
  'artifact-key-invalid': {
    exit: EXIT.bug,
    meaning: 'A key is not a plain path inside the artifact store.',
    fix: 'This is a bug in carpal; please report it.',
  },
  'artifact-store-unsupported': {
    exit: EXIT.usage,
    meaning: 'This kind of artifact store is not supported.',
    fix: 'Give a folder, its file:// URI, or s3://bucket/prefix.',
  },
  'artifact-store-failed': {
    exit: EXIT.infrastructure,
    meaning: 'The artifact store failed, and carpal cannot recover by itself.',
    fix: 'Fix the reported cause, then run the command again. It continues from the stored artifacts.',
  },
  'store-unreachable': {
    exit: EXIT.infrastructure,
    meaning: 'The server of the artifact store was unreachable or failing for longer than carpal waits.',
    fix: 'Check the endpoint and the network, then run the command again. It continues from the stored artifacts.',
  },
  'store-denied': {
    exit: EXIT.infrastructure,
    meaning: 'No credentials for the artifact store were found, or they were rejected.',
    fix: 'Give credentials (AWS variables, a profile, Pod Identity or IRSA) with permission to list, get, put and delete under the prefix.',
  },
  'store-misplaced': {
    exit: EXIT.infrastructure,
    meaning: 'The bucket, the region or the endpoint of the artifact store is wrong.',
    fix: 'Check the name of the bucket, AWS_REGION and AWS_ENDPOINT_URL. Create the bucket if it does not exist.',
  },
  'disk-full': {
    exit: EXIT.infrastructure,
    meaning: 'The disk is full.',
    fix: 'Free some space, then run the command again. It continues from the last checkpoint.',
  },
  'folder-unwritable': {
    exit: EXIT.infrastructure,
    meaning: 'A file or folder cannot be written: no permission, a read-only file system, or a file in place of a folder.',
    fix: 'Give a writable folder, or change its permissions.',
  },
  'run-locked': {
    exit: EXIT.configuration,
    meaning: 'Another run uses this work folder.',
    fix: 'Wait until it ends or stop it, or give this run another folder with --workdir.',
  },
  'non-finite-loss': {
    exit: EXIT.data,
    meaning: 'The loss is no longer a finite number.',
    fix: 'Lower optimizer.learningRate or set training.gradientClip, then run again from the last good checkpoint.',
  },
  'stopped-with-checkpoint': {
    exit: EXIT.stopped,
    meaning: 'A stage stopped on request and left a checkpoint.',
    fix: 'Run the same command again. It continues from the checkpoint.',
  },
  'fold-taken': {
    exit: EXIT.stopped,
    meaning: 'Another process continued this fold. What this process trained since its last checkpoint is lost.',
    fix: 'Leave the fold to the other process, or stop that process and run the command again.',
  },
  'stage-failed': {
    exit: EXIT.service,
    meaning: 'A stage of the experiment failed more often than its budget allows.',
    fix: 'Read the log of the stage, fix the cause, and run the command again.',
  },
  'object-name-held': {
    exit: EXIT.service,
    meaning: 'A Job or ConfigMap with the name that a stage needs already exists and belongs to something else.',
    fix: 'If an earlier experiment of the same name is still being deleted, wait: the stage then continues by itself. Otherwise delete the object that the message names.',
  },
  'stage-settings-refused': {
    exit: EXIT.configuration,
    meaning: 'The API server rejects the Job of a stage because of the settings of the operator.',
    fix: 'Fix the setting that the message names (image, volumes, resources, service account, queue) and restart the operator.',
  },
  'out-of-memory': {
    exit: EXIT.service,
    meaning: 'There is not enough memory.',
    fix: 'Lower training.batchSize, input.size or run.parallelism, or give more memory.',
  },
  'engine-missing': {
    exit: EXIT.configuration,
    meaning: 'The TensorFlow library or its binding is not installed.',
    fix: 'Run make setup.',
  },
  'not-recordable': {
    exit: EXIT.configuration,
    meaning: 'A training step or a forward pass cannot be recorded as a TensorFlow graph; the message names the operation.',
    fix: 'Use another network, loss or optimizer, and report the message: it is a defect of carpal.',
  },
  'resource-missing': {
    exit: EXIT.service,
    meaning: 'Something outside carpal that the command needs is missing.',
    fix: 'Install or start what the message names, then run the command again.',
  },
  'environment-invalid': {
    exit: EXIT.configuration,
    meaning: 'The environment does not exist, or its file is invalid.',
    fix: 'Give the name of a file in configs/environments without .yaml, or fix the listed fields.',
  },
  'run-unreadable': {
    exit: EXIT.data,
    meaning: 'A file that a run left for comparisons is damaged or from another version of carpal.',
    fix: 'Run the ensemble stage of that run again; it writes the file again.',
  },
  'runs-incomparable': {
    exit: EXIT.data,
    meaning: 'Runs have no image in common, or have different classes.',
    fix: 'Compare runs with the same data set and class list.',
  },
  'cost-unmeasured': {
    exit: EXIT.usage,
    meaning: 'The cost of an experiment cannot be estimated: the time of a step, the number of images or the price of a node is unknown.',
    fix: 'Measure a step on the target hardware (one epoch of carpal fold) and pass --step-ms, or pass --history of a run there.',
  },
  'kubeconfig-invalid': {
    exit: EXIT.configuration,
    meaning: 'The kubeconfig cannot be read, or has no cluster.',
    fix: 'Give a kubeconfig and a context that work with kubectl.',
  },
  'cluster-unreadable': {
    exit: EXIT.service,
    meaning: 'The API server of the cluster did not answer, or denied the request.',
    fix: 'Check the cluster with kubectl get segx -A, then run the command again.',
  },
  bug: {
    exit: EXIT.bug,
    meaning: 'An unexpected error happened.',
    fix: 'This is a bug in carpal; please report it with the printed output.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** An error with a code of the table. `where` is a file:line, a path or a field path. */
export class CarpalError extends Error {
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly fix: string;

  constructor(code: ErrorCode, what: string, options: { where?: string; fix?: string; cause?: unknown } = {}) {
    // Messages quote file names and answers of servers, and are printed to terminals.
    super(plainText(what), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CarpalError';
    this.code = code;
    this.where = options.where === undefined ? undefined : plainText(options.where);
    this.fix = plainText(options.fix ?? ERRORS[code].fix);
  }

  get exit(): ExitCode {
    return ERRORS[this.code].exit;
  }
}

/**
 * `code: what is wrong (where)` and the fix: the only form in which errors reach a terminal. If the message has several lines, `where` is
 * at the end of the first one.
 */
export function formatError(error: CarpalError): string {
  const where = error.where === undefined ? '' : ` (${error.where})`;
  const [headline = '', ...lines] = error.message.split('\n');
  return [`${error.code}: ${headline}${where}`, ...lines, `  → ${error.fix}`].join('\n');
}

/** The message of a thrown value. Any value can be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
