/** Bad input on the command line gives one clear error with code, place and fix, the right exit code, and no partial result. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadClasses } from '@carpal/configs/classes.ts';
import type { ErrorCode } from '@carpal/configs/errors.ts';
import { type Harms, harmsFor } from '@carpal/testbed/cli/harms.ts';
import { carpal, type Ending, run, start } from '@carpal/testbed/cli/run-cli.ts';
import { mountFlags, onDisk } from '@carpal/testbed/cli/small-disk.ts';
import { TINY_MANIFEST } from '@carpal/testbed/cli/tiny-manifest.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const CLASSES = loadClasses('hand-bones');

/** The valid data set that every case copies. */
let root = '';
let data = '';
let harmed: Harms;
let mounting: string | undefined;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'carpal-bad-input-'));
  data = join(root, 'data');
  const made = await run(carpal('data', 'synth', '--out', data, '--people', '4', '--test-people', '1', '--size', '256'), root);
  expect(made.code, made.stderr).toBe(0);
  harmed = await harmsFor(data);
  mounting = await mountFlags();
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A new folder for one case, with the manifest and a copy of the data set. */
async function caseFolder(): Promise<string> {
  const folder = await mkdtemp(join(root, 'case-'));
  await writeFile(join(folder, 'tiny.yaml'), TINY_MANIFEST);
  await cp(data, join(folder, 'data'), { recursive: true });
  return folder;
}

const RUN = ['run', 'tiny.yaml', '--workdir', 'work', '--out', 'out'];

/** Every file in a folder, except the case's own input. */
async function filesUnder(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => !/^(data|tiny\.yaml)($|\/)/.test(name));
}

type Expected = { readonly code: ErrorCode; readonly exit: number; readonly place: string; readonly fix: string };

/** Expects exactly one error in the standard form, with place and fix, and no stack trace. */
function expectError({ code, stderr }: Ending, expected: Expected): void {
  expect(stderr.split('\n').filter((line) => /^[a-z]+(-[a-z]+)+: |^bug: |^error: |^\s+at /.test(line))).toEqual([
    expect.stringMatching(new RegExp(`^${expected.code}: `)),
  ]);
  expect(stderr).toContain(expected.place);
  expect(stderr).toMatch(/^ +→ \S/m);
  expect(stderr).toContain(expected.fix);
  expect(code).toBe(expected.exit);
}

async function expectNothingHalfDone(folder: string): Promise<void> {
  const files = await filesUnder(folder);
  expect(files.filter((name) => /partial|former|(^|\/)index\.json$/.test(name))).toEqual([]);
  for (const output of ['out', 'out.csv', 'overlays']) expect(files).not.toContain(output);
}

const PREDICT = ['predict', '--images', 'data', '--out', 'out.csv', '--overlays', 'overlays', '--weights', 'a.safetensors'];
const SCORE = ['score', '--truth', 'data', '--size', '256', '--submission', 'a.csv'];
const VOTE = ['vote', 'good.csv', 'a.csv', '--out', 'out.csv'];

type Row = Expected & {
  readonly says: string;
  readonly command: readonly string[];
  readonly harm?: (folder: string) => Promise<void>;
};

/** Bad data, exit 65. */
const bad = (code: ErrorCode, place: string, fix: string): Expected => ({ code, exit: 65, place, fix });
const annotationInvalid = (what: string): Expected => bad('annotation-invalid', what, 'Fix the annotation that the message names');
const submissionInvalid = (place: string): Expected => bad('submission-invalid', place, 'carpal check lists all of them');
const usage = (place: string, fix: string): Expected => ({ code: 'usage-invalid', exit: 64, place, fix });
const mismatch = (place: string): Expected => bad('weights-mismatch', place, '');
const unwritable = (place: string): Expected => ({ code: 'folder-unwritable', exit: 74, place, fix: 'Give a writable folder' });

const ROWS: readonly Row[] = [
  {
    says: 'run: an unknown model',
    command: [...RUN, '--set', 'model.name=UNett'],
    code: 'manifest-invalid',
    exit: 78,
    place: '--set model.name=UNett spec.model.name',
    fix: 'Did you mean UNet? Valid values: UNet, SlimUNet',
  },
  {
    says: 'run: more folds than people',
    command: [...RUN, '--set', 'dataset.split.folds=5'],
    ...bad('folds-exceed-people', 'spec.dataset.split.folds', 'at most the number of people'),
  },
  {
    says: 'prepare: more folds than people',
    command: ['prepare', '--experiment', 'tiny.yaml', '--artifacts', 'work'],
    harm: (folder) => writeFile(join(folder, 'tiny.yaml'), TINY_MANIFEST.replace('folds: 2', 'folds: 5')),
    ...bad('folds-exceed-people', 'spec.dataset.split.folds', 'at most the number of people'),
  },
  {
    says: 'run: an image without JSON',
    command: RUN,
    harm: (folder) => harmed.jsonMissing(folder),
    ...bad('annotation-missing', 'train/DCM/ID002/', 'Add the JSON file that the message names'),
  },
  {
    says: 'run: a PNG that is cut short',
    command: RUN,
    harm: (folder) => harmed.truncated(folder),
    ...bad(
      'image-unreadable',
      'train/DCM/ID002/',
      'Replace it with a complete PNG, JPEG or TIFF of 8 or 16 bits, or with a grey DICOM file.',
    ),
  },
  {
    says: 'predict: a PNG that is cut short',
    command: PREDICT,
    harm: (folder) => harmed.truncatedTest(folder),
    ...bad(
      'image-unreadable',
      'data/test/DCM/ID005/',
      'Replace it with a complete PNG, JPEG or TIFF of 8 or 16 bits, or with a grey DICOM file.',
    ),
  },
  {
    says: 'run: an image of 100 megapixels',
    command: RUN,
    harm: (folder) => harmed.huge(folder),
    ...bad('image-too-large', 'train/DCM/ID002/', 'Scale it down'),
  },
  {
    says: 'predict: an image of 100 megapixels',
    command: PREDICT,
    harm: (folder) => harmed.hugeTest(folder),
    ...bad('image-too-large', 'data/test/DCM/ID005/', 'Scale it down'),
  },
  {
    says: 'run: a polygon with two points',
    command: RUN,
    harm: (folder) => harmed.twoPoints(folder),
    ...annotationInvalid('has 2 points; a polygon needs three'),
  },
  {
    says: 'run: an unknown label',
    command: RUN,
    harm: (folder) => harmed.unknownLabel(folder),
    ...annotationInvalid('the unknown label "finger-99"'),
  },
  { says: 'run: JSON with NaN', command: RUN, harm: (folder) => harmed.nan(folder), ...annotationInvalid('line 1 holds NaN') },
  {
    says: 'score: a CSV with missing rows',
    command: SCORE,
    harm: (folder) => harmed.missingRows(folder),
    ...submissionInvalid('3 of 58 rows are missing'),
  },
  {
    says: 'score: a CSV with repeated rows',
    command: SCORE,
    harm: (folder) => harmed.doubledRows(folder),
    ...submissionInvalid('a.csv:60'),
  },
  {
    says: 'vote: a CSV with missing rows',
    command: VOTE,
    harm: (folder) => harmed.missingRows(folder),
    ...submissionInvalid('a.csv lacks 3 rows'),
  },
  {
    says: 'vote: a CSV with repeated rows',
    command: VOTE,
    harm: (folder) => harmed.doubledRows(folder),
    ...submissionInvalid('a.csv has 2 rows twice'),
  },
  ...[['check', '--submission', 'none.csv', '--images', 'data'], ['score', '--truth', 'data', '--submission', 'none.csv'], VOTE].map(
    (command): Row => ({
      says: `${command[0]}: a CSV that does not exist`,
      command,
      ...bad(
        'submission-unreadable',
        `there is no such file (${command[0] === 'vote' ? 'good.csv' : 'none.csv'})`,
        'Give the path of a readable CSV',
      ),
    }),
  ),
  {
    says: 'score: a truth folder that does not exist',
    command: ['score', '--truth', 'nowhere', '--submission', 'a.csv'],
    ...bad('dataset-missing', 'there is no such folder (nowhere)', 'Give a folder that holds outputs_json'),
  },
  {
    says: 'predict: a weights file that is cut short',
    command: PREDICT,
    harm: (folder) => harmed.weightsCutShort(folder),
    ...bad('weights-invalid', '(a.safetensors)', 'copy the file again'),
  },
  {
    says: 'predict: weights of another model',
    command: PREDICT,
    harm: (folder) => harmed.weights({ model: 'UNet', options: '{}' })(folder),
    ...mismatch('a.safetensors'),
  },
  {
    says: 'predict: weights of the same model with other classes',
    command: PREDICT,
    harm: (folder) => harmed.weights({ classes: '["Radius","Ulna"]' })(folder),
    ...mismatch('a.safetensors'),
  },
  {
    says: 'predict: weights of two models with other classes',
    command: [...PREDICT, 'b.safetensors'],
    harm: (folder) => harmed.twoWeights({ classes: JSON.stringify(CLASSES.toReversed()) })(folder),
    ...mismatch('b.safetensors'),
  },
  {
    says: 'predict: weights with NaN',
    command: PREDICT,
    harm: (folder) => harmed.weightsNaN(folder),
    ...bad('weights-invalid', 'holds NaN at index 0 (a.safetensors)', 'a training that did not diverge'),
  },
  {
    says: 'predict: a thresholds file with a threshold outside 0 to 1',
    command: [...PREDICT, '--thresholds', 'thresholds.json'],
    harm: (folder) => harmed.thresholdsOutside(folder),
    ...bad('thresholds-invalid', 'Radius has the threshold 1.2, which is not between 0 and 1 (thresholds.json)', 'with the same classes'),
  },
  {
    says: 'predict: a window larger than the image at the size of the training',
    command: [...PREDICT, '--window', '128'],
    harm: (folder) => harmed.weights({})(folder),
    ...usage('was trained with images at 64 px, which are smaller than a window of 128 px (--window)', 'Give at most 64.'),
  },
  {
    says: 'predict: windows at another size than that of the training',
    command: [...PREDICT, '--window', '32', '--sheet-size', '128'],
    harm: (folder) => harmed.weights({})(folder),
    ...usage('was trained with images at 64 px, so windows cannot be cut from images at 128 px (--sheet-size)', 'Remove the option.'),
  },
  {
    says: 'predict: a window size that the network does not accept',
    command: [...PREDICT, '--window', '63'],
    harm: (folder) => harmed.weights({})(folder),
    ...usage('(--window)', 'Give a multiple of'),
  },
  { says: 'predict: a threshold outside 0 to 1', command: [...PREDICT, '--threshold', '1'], ...usage('(--threshold)', 'between 0 and 1') },
  {
    says: 'predict: a threshold and thresholds',
    command: [...PREDICT, '--threshold', '0.4', '--thresholds', 'thresholds.json'],
    ...usage('--thresholds)', 'Give only one of the two'),
  },
  {
    says: 'predict: a vote of weight 0',
    command: [...PREDICT, 'b.safetensors=0'],
    ...usage('"0" is not a weight for b.safetensors (--weights)', 'Give a number above 0'),
  },
  {
    says: 'run: a data set that does not exist',
    command: RUN,
    harm: (folder) => harmed.noData(folder),
    ...bad('dataset-missing', '/data)', 'carpal data synth makes a data set'),
  },
  {
    says: 'data inspect: a data set that does not exist',
    command: ['data', 'inspect', 'data'],
    harm: (folder) => harmed.noData(folder),
    ...bad('dataset-missing', '(data)', 'carpal data synth makes a data set'),
  },
  {
    says: 'run: a file where the work folder should be',
    command: RUN,
    harm: (folder) => harmed.fileInTheWay('work')(folder),
    ...unwritable('/work)'),
  },
  {
    says: 'run: a file where the folder of --out should be, reported before anything starts',
    command: [...RUN, '--out', 'taken/results'],
    harm: (folder) => harmed.fileInTheWay('taken')(folder),
    ...unwritable('/taken)'),
  },
  {
    says: 'predict: a file where the folder of --out should be',
    command: [...PREDICT, '--out', 'taken/out.csv'],
    harm: async (folder) => {
      await harmed.weights({})(folder);
      await harmed.fileInTheWay('taken')(folder);
    },
    ...unwritable('taken/out.csv'),
  },
  {
    says: 'data synth: a file where --out should be',
    command: ['data', 'synth', '--out', 'taken'],
    harm: (folder) => harmed.fileInTheWay('taken')(folder),
    ...bad('phantom-folder-taken', '(taken)', 'Give a new folder with --out'),
  },
];

describe('bad input gives one clear error, its exit code and no partial result', () => {
  it.concurrent.for(ROWS)('$says', async ({ command, harm, ...expected }) => {
    const folder = await caseFolder();
    await harm?.(folder);
    expectError(await run(carpal(...command), folder), expected);
    await expectNothingHalfDone(folder);
  });

  it('reports what can be checked immediately, without making a work folder', async () => {
    const folder = await caseFolder();
    await run(carpal(...RUN, '--set', 'dataset.split.folds=5'), folder);
    expect(await filesUnder(folder)).toEqual([]);
  });

  it('warns that reports are not sent yet when a manifest requests them', async () => {
    const folder = await caseFolder();
    const { code, stdout } = await run(carpal(...RUN, '--set', 'report.slack.channel=x', '--set', 'dataset.split.folds=5'), folder);
    expect(code).toBe(65);
    expect(stdout).toMatch(/^advice:\n {2}--set report\.slack\.channel=x spec\.report no reports are sent: .*\n {4}→ .*\n$/);
  });

  it('repeats the error of a failed run when it is called again, and completes after the cause is fixed and the run starts over', async () => {
    const folder = await caseFolder();
    await harmed.truncated(folder);
    const [first, again] = [await run(carpal(...RUN), folder), await run(carpal(...RUN), folder)];
    expect(again.stderr).toBe(first.stderr);
    expect(first.stdout).toContain('prepare failed\n');
    expect(first.stderr).toContain('its log: work/runs/default-tiny/logs/tiny-prepare-1.log\n');
    await cp(join(data, harmed.image), join(folder, 'data', harmed.image));
    const repaired = start(carpal(...RUN, '--fresh'), folder);
    await repaired.printed('prepare finished');
    repaired.process.kill('SIGTERM');
    expect((await repaired.ended).code).toBe(75);
  });

  it('refuses a second run in the same work folder and names the process of the first', async () => {
    const folder = await caseFolder();
    const first = start(carpal(...RUN, '--set', 'training.epochs=1000'), folder);
    await first.printed('prepare: started');
    const second = await run(carpal(...RUN), folder);
    expectError(second, { code: 'run-locked', exit: 78, place: `process ${first.process.pid}`, fix: 'another folder with --workdir' });
    first.process.kill('SIGTERM');
    expect((await first.ended).code).toBe(75);
  });
});

describe('a command that lists every problem', () => {
  it.concurrent.for([
    ['missing', 'missingRows', 'a.csv: ', 'lacks 3 of 29 rows'],
    ['doubled', 'doubledRows', 'a.csv:60: ', 'already has a row on line 2'],
  ] as const)('check: a CSV with %s rows ends with 65', async ([, harm, place, what]) => {
    const folder = await caseFolder();
    await harmed[harm](folder);
    const { code, stdout, stderr } = await run(carpal('check', '--submission', 'a.csv', '--images', 'data'), folder);
    expect([code, stderr]).toEqual([65, '']);
    expect(stdout).toContain(place);
    expect(stdout).toContain(what);
  });

  it('check: a CSV that cannot be read to its end gives a result with the line, as text and as JSON', async () => {
    const folder = await caseFolder();
    await writeFile(join(folder, 'a.csv'), 'image,class,rle\n');
    const words = await run(carpal('check', '--submission', 'a.csv', '--images', 'data'), folder);
    expect([words.code, words.stderr]).toEqual([65, '']);
    expect(words.stdout).toContain('  a.csv:1: the first line is "image,class,rle" but must be image_name,class,rle');
    const { code, stdout, stderr } = await run(carpal('check', '--json', '--submission', 'a.csv', '--images', 'data'), folder);
    expect([code, stderr]).toEqual([65, '']);
    expect(JSON.parse(stdout)).toMatchObject({
      valid: false,
      images: 2,
      problems: [{ line: 1, what: 'the first line is "image,class,rle" but must be image_name,class,rle' }],
    });
  });

  it('data inspect: several defects, each with its path, end with 65', async () => {
    const folder = await caseFolder();
    await harmed.truncated(folder);
    await harmed.nan(folder);
    const { code, stdout, stderr } = await run(carpal('data', 'inspect', 'data'), folder);
    expect([code, stderr]).toEqual([65, '']);
    expect(stdout).toContain(`image-unreadable: the image is damaged or truncated (data/${harmed.image})`);
    expect(stdout).toContain(`annotation-invalid: line 1 holds NaN, which is not valid JSON (data/${harmed.annotation})`);
  });
});

/** The expected result of commands that write to a small disk, mounted on `disk` in the case's folder. */
const full = { code: 'disk-full', exit: 74, place: 'disk/', fix: 'Free some space, then run the command again' } as const;
const readOnly = unwritable('the file system is read-only');
const DISKS: readonly (Expected & { readonly says: string; readonly options: string; readonly command: readonly string[] })[] = [
  { says: 'run: a work folder on a full disk', options: 'size=64k', command: [...RUN, '--workdir', 'disk/work'], ...full },
  { says: 'predict: --out on a full disk', options: 'size=64k,nr_inodes=1', command: [...PREDICT, '--out', 'disk/out.csv'], ...full },
  {
    says: 'data synth: --out on a full disk',
    options: 'size=64k',
    command: ['data', 'synth', '--out', 'disk/set', '--size', '512'],
    ...full,
  },
  { says: 'run: a work folder on a read-only disk', options: 'ro', command: [...RUN, '--workdir', 'disk/work'], ...readOnly },
  {
    says: 'run: --out on a read-only disk, reported before anything starts',
    options: 'ro',
    command: [...RUN, '--out', 'disk/out'],
    ...readOnly,
  },
  {
    says: 'prepare: a store on a read-only disk',
    options: 'ro',
    command: ['prepare', '--experiment', 'tiny.yaml', '--artifacts', 'disk'],
    ...readOnly,
  },
];

// carpal run tries a full disk again for half a minute.
describe('a disk that accepts no more data', { timeout: 150_000 }, () => {
  it.concurrent.for(DISKS)('$says', async ({ options, command, ...expected }, { skip }) => {
    if (mounting === undefined) return skip('this machine does not allow mounting a small disk');
    const folder = await caseFolder();
    const disk = join(folder, 'disk');
    await mkdir(disk);
    if (command[0] === 'predict') await harmed.weights({})(folder);
    const listing = join(folder, 'listing');
    expectError(await run(onDisk(mounting, disk, options, listing, carpal(...command)), folder), expected);
    await expectNothingHalfDone(folder);
    const files = (await readFile(listing, 'utf8')).split('\n');
    expect(files.filter((name) => /partial|out\.csv|submission\.csv|\/index\.json|phantom\.json/.test(name))).toEqual([]);
  });
});
