/** The table of all errors that a user can see: meaning, fix and exit code. docs/errors.md has the same table; a test keeps them equal. */

/** Exit codes of all commands, from sysexits.h where it has a suitable one. */
export const EXIT = { ok: 0, usage: 64, data: 65, service: 69, bug: 70, stopped: 75, configuration: 78 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

type ErrorEntry = { readonly exit: ExitCode; readonly meaning: string; readonly fix: string };

export const ERRORS = {
  'manifest-invalid': {
    exit: EXIT.configuration,
    meaning: 'The manifest breaks the rules of a SegmentationExperiment.',
    fix: 'Mend the fields named; carpal validate FILE checks again.',
  },
  'manifest-unreadable': {
    exit: EXIT.configuration,
    meaning: 'The manifest cannot be read: missing, not a file, too big, or not text.',
    fix: 'Give the path of a YAML or JSON file that you may read.',
  },
  'manifest-immutable': {
    exit: EXIT.configuration,
    meaning: 'A running experiment was given a changed field that cannot change any more.',
    fix: 'Undo the change, or create a new experiment under another name.',
  },
  'sizes-unmeasured': {
    exit: EXIT.configuration,
    meaning: 'The manifest leaves input.size or training.batchSize to the machine (auto), and this command measures nothing.',
    fix: 'Write numbers; carpal run --dry-run FILE, on a machine such as will train it, prints those that fit.',
  },
  'memory-too-small': {
    exit: EXIT.configuration,
    meaning: 'A training step, or the logits of one image in all its views, need more memory than the process may use.',
    fix: 'Lower training.batchSize or input.size, take a narrower network, or give more memory.',
  },
  'trial-failed': {
    exit: EXIT.service,
    meaning: 'The process that tries training steps ended without an answer.',
    fix: 'Read what it said; carpal run --dry-run --no-trial leaves the trial out.',
  },
  'classes-unknown': {
    exit: EXIT.configuration,
    meaning: 'There is no such list of classes, or it is not a list of names.',
    fix: 'Name a file of configs/classes in dataset.classes, such as hand-bones.',
  },
  'usage-invalid': {
    exit: EXIT.usage,
    meaning: 'The command was called with an option or argument that it cannot use.',
    fix: 'Call the command with --help to see what it takes.',
  },
  'model-unknown': {
    exit: EXIT.configuration,
    meaning: 'There is no network of this name.',
    fix: 'carpal models lists the networks at hand.',
  },
  'dataset-missing': {
    exit: EXIT.data,
    meaning: 'The data set is not where dataset.uri or the argument says.',
    fix: 'Give the folder that holds train/DCM and train/outputs_json; carpal data synth makes one to try.',
  },
  'dataset-layout': {
    exit: EXIT.data,
    meaning: 'The folder does not hold images and annotations in the layout of the data set.',
    fix: 'Lay the files as train/DCM/ID001/x.png with train/outputs_json/ID001/x.json; carpal data inspect shows what was found.',
  },
  'phantom-folder-taken': {
    exit: EXIT.data,
    meaning: 'The folder for a phantom set holds something else, or a set made with other numbers.',
    fix: 'Name a new folder with --out, or give the numbers that the set there was made with.',
  },
  'annotation-missing': {
    exit: EXIT.data,
    meaning: 'A training image has no annotation.',
    fix: 'Add the JSON file named, or take the image out of the training folder.',
  },
  'annotation-invalid': {
    exit: EXIT.data,
    meaning:
      'An annotation cannot be used: not JSON, a number that is not finite, fewer than three points, or an unknown or doubled label.',
    fix: 'Mend the annotation named; carpal data inspect lists every one.',
  },
  'image-unreadable': {
    exit: EXIT.data,
    meaning: 'An image is damaged, cut short, or of a kind that is not read.',
    fix: 'Replace it with a whole 8 or 16 bit PNG.',
  },
  'image-too-large': {
    exit: EXIT.data,
    meaning: 'An image has more pixels than are read.',
    fix: 'Scale it down; radiographs of hands need no more than 4096 × 4096 pixels.',
  },
  'folds-exceed-people': {
    exit: EXIT.data,
    meaning: 'There are fewer people in the data set than folds.',
    fix: 'Set dataset.split.folds to at most the number of people, or add people.',
  },
  'submission-unreadable': {
    exit: EXIT.data,
    meaning: 'A submission cannot be read: missing, not a file, or no permission.',
    fix: 'Give the path of a CSV file that you may read.',
  },
  'submission-invalid': {
    exit: EXIT.data,
    meaning: 'A submission CSV breaks the format: header, a row missing, doubled or unknown, or a bad run-length code.',
    fix: 'Mend the rows named; carpal check lists them all.',
  },
  'weights-invalid': {
    exit: EXIT.data,
    meaning: 'A weights file is damaged, is not safetensors, or holds numbers that are not finite.',
    fix: 'Give a .safetensors file that carpal wrote, or copy it again.',
  },
  'weights-mismatch': {
    exit: EXIT.data,
    meaning: 'Weights belong to another network, other options, other classes or another input size.',
    fix: 'Give weights of the network that the manifest names, or change the manifest.',
  },
  'thresholds-invalid': {
    exit: EXIT.data,
    meaning: 'A thresholds file cannot be used: not JSON, a threshold outside 0 to 1, or not one entry for each class.',
    fix: "Give an ensemble's thresholds.json, made for the same classes.",
  },
  'checkpoint-invalid': {
    exit: EXIT.data,
    meaning: 'A checkpoint is damaged or does not belong to this fold.',
    fix: 'Remove the checkpoint folder named to start the fold afresh.',
  },
  'prepared-invalid': {
    exit: EXIT.data,
    meaning: 'A prepared data set is damaged or incomplete.',
    fix: 'Remove the folder named and run prepare again.',
  },
  'artifact-missing': {
    exit: EXIT.data,
    meaning: 'Something that an earlier stage leaves in the store is not there.',
    fix: 'Run the earlier stage, or check --artifacts.',
  },
  'artifact-key-invalid': {
    exit: EXIT.bug,
    meaning: 'A name within the store leaves the store or is not a plain path.',
    fix: 'This is a fault of carpal; please report it.',
  },
  'artifact-store-unsupported': {
    exit: EXIT.usage,
    meaning: 'This kind of artifact store is not offered.',
    fix: 'Give a folder, a file:// URI of one, or s3://bucket/prefix.',
  },
  'artifact-store-failed': {
    exit: EXIT.service,
    meaning: 'The artifact store failed in a way that carpal cannot mend.',
    fix: 'Look at the cause given, then run the command again; it goes on from what is there.',
  },
  'store-unreachable': {
    exit: EXIT.service,
    meaning: 'The server of the artifact store was away, or failed, for longer than carpal waits for it.',
    fix: 'Check the endpoint and the network, then run the same command again; it goes on from what is there.',
  },
  'store-denied': {
    exit: EXIT.configuration,
    meaning: 'The artifact store has no credentials from us, or refuses those that it has.',
    fix: 'Give credentials (AWS variables, a profile, Pod Identity or IRSA) that may list, get, put and delete under the prefix.',
  },
  'store-misplaced': {
    exit: EXIT.configuration,
    meaning: 'The bucket, the region or the endpoint of the artifact store is not right.',
    fix: 'Check the name of the bucket, AWS_REGION and AWS_ENDPOINT_URL; make the bucket if there is none.',
  },
  'disk-full': {
    exit: EXIT.service,
    meaning: 'The disk has no room left.',
    fix: 'Free some room, then run the same command again; it goes on from the last checkpoint.',
  },
  'folder-unwritable': {
    exit: EXIT.configuration,
    meaning: 'A file or folder cannot be written: no permission, read-only, or a file where a folder should be.',
    fix: 'Give a folder that you may write, or change its permissions.',
  },
  'run-locked': {
    exit: EXIT.configuration,
    meaning: 'Another run uses this work folder.',
    fix: 'Wait for it or stop it, or give this run a --workdir of its own.',
  },
  'non-finite-loss': {
    exit: EXIT.data,
    meaning: 'The loss is no longer a finite number.',
    fix: 'Lower optimizer.learningRate or set training.gradientClip, then run again from the last good checkpoint.',
  },
  'stopped-with-checkpoint': {
    exit: EXIT.stopped,
    meaning: 'A stage was asked to stop and left a checkpoint.',
    fix: 'Run the same command again; it goes on from the checkpoint.',
  },
  'fold-taken': {
    exit: EXIT.stopped,
    meaning: 'Another process has gone on with this fold, and what this one trained since its last checkpoint is not kept.',
    fix: 'Leave the fold to the other process, or end that one and run the same command again.',
  },
  'stage-failed': {
    exit: EXIT.service,
    meaning: 'A stage of the experiment failed more often than its budget allows.',
    fix: 'Read the log of the stage named, mend the cause, and run the same command again.',
  },
  'experiment-failed': {
    exit: EXIT.service,
    meaning: 'The experiment has ended as failed, which is final.',
    fix: 'Mend the cause named, then start it over with carpal run --fresh, or under another name.',
  },
  'object-name-held': {
    exit: EXIT.service,
    meaning: 'A Job or ConfigMap of the name that a stage needs is there already and belongs to something else.',
    fix: 'If an earlier experiment of the same name is still being deleted, wait: it goes on by itself. Otherwise delete the object named.',
  },
  'stage-settings-refused': {
    exit: EXIT.configuration,
    meaning: 'The API server refuses the Job that the settings of the operator make for a stage.',
    fix: 'Mend the setting that the message names (image, volumes, resources, service account, queue) and start the operator again.',
  },
  'out-of-memory': {
    exit: EXIT.service,
    meaning: 'There is not enough memory.',
    fix: 'Lower training.batchSize, input.size or run.parallelism, or give more memory.',
  },
  'engine-missing': {
    exit: EXIT.configuration,
    meaning: 'The TensorFlow library or its binding is not there.',
    fix: 'Run make setup.',
  },
  'not-recordable': {
    exit: EXIT.configuration,
    meaning: 'A training step or a forward pass cannot be recorded as a TensorFlow graph; the message names the operation.',
    fix: 'Use another network, loss or optimizer, and report the message: it is a defect of carpal.',
  },
  'resource-missing': {
    exit: EXIT.service,
    meaning: 'Something outside carpal that the command needs is not there.',
    fix: 'Install or start what is named, then run the command again.',
  },
  'environment-invalid': {
    exit: EXIT.configuration,
    meaning: 'There is no such environment, or its file breaks a rule.',
    fix: 'Name a file of configs/environments without .yaml, or mend the fields named.',
  },
  'run-unreadable': {
    exit: EXIT.data,
    meaning: 'A file that a run has left for comparisons is damaged, or of another version of carpal.',
    fix: 'Run the ensemble stage of that run again; it writes the file anew.',
  },
  'runs-incomparable': {
    exit: EXIT.data,
    meaning: 'Runs have no image in common, or not the same classes.',
    fix: 'Compare runs over the same data set and list of classes.',
  },
  'cost-unmeasured': {
    exit: EXIT.usage,
    meaning: 'What an experiment costs cannot be told: the time of a step, the number of images or the price of a node is not known.',
    fix: 'Measure a step on the hardware meant (carpal fold for an epoch, or --history of a run there) and give --step-ms or --history.',
  },
  'kubeconfig-invalid': {
    exit: EXIT.configuration,
    meaning: 'The kubeconfig cannot be read, or names no cluster.',
    fix: 'Give a kubeconfig and a context of it that kubectl works with.',
  },
  bug: {
    exit: EXIT.bug,
    meaning: 'Something went wrong in a way that carpal does not know.',
    fix: 'This is a fault of carpal; please report it with what is printed.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** An error with a code of the table. `where` is a file:line, a path or a field path. */
export class CarpalError extends Error {
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly fix: string;

  constructor(code: ErrorCode, what: string, options: { where?: string; fix?: string; cause?: unknown } = {}) {
    super(what, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CarpalError';
    this.code = code;
    this.where = options.where;
    this.fix = options.fix ?? ERRORS[code].fix;
  }

  get exit(): ExitCode {
    return ERRORS[this.code].exit;
  }
}

/**
 * `code: what is wrong (where)` and the fix: the only form in which errors reach a terminal. `where` stands on the first line of a longer
 * message.
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
