import { issueFinding } from '@carpal/configs/check/issue-finding.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { FieldPath } from '@carpal/configs/finding.ts';
import { windowFindings } from '@carpal/configs/rules/sizes.ts';
import type { TtaName } from '@carpal/configs/schema/experiment.ts';
import { inferenceSchema, TTA_NAMES } from '@carpal/configs/schema/learning.ts';
import { type Viewing, viewingOf } from '@carpal/trainer/infer/views.ts';
import type { Command } from 'commander';

/** The values of the options of {@link addViewingOptions}, as commander returns them. */
export type ViewingOptions = {
  readonly tta: string;
  readonly ttaDegrees: string;
  readonly ttaScale: string;
  readonly window?: string;
  readonly stride?: string;
  readonly sheetSize?: string;
  readonly windowWeights: string;
};

/** For each field of a manifest's `inference`, the option that sets it. */
const OPTION_OF: Readonly<Record<string, string>> = {
  tta: '--tta',
  ttaDegrees: '--tta-degrees',
  ttaScale: '--tta-scale',
  'window.size': '--window',
  'window.stride': '--stride',
  'window.sheetSize': '--sheet-size',
  'window.weights': '--window-weights',
};

const DEFAULTS = inferenceSchema.parse({});

/** The options of a command that predicts: the fields of a manifest's `inference`, with the same names, defaults and bounds. */
export function addViewingOptions(command: Command): Command {
  return command
    .option('--tta <views>', `views to average, with commas: ${TTA_NAMES.join(', ')}`, DEFAULTS.tta.join(','))
    .option('--tta-degrees <degrees>', 'how far rotateLeft and rotateRight turn', String(DEFAULTS.ttaDegrees))
    .option('--tta-scale <share>', 'the share by which scaleDown and scaleUp change the size', String(DEFAULTS.ttaScale))
    .option(
      '--window <px>',
      'slide a window of this side over the image (default: the whole image, or the crop size of networks trained on crops)',
    )
    .option('--stride <px>', 'distance from one window to the next (default: half a window)')
    .option(
      '--sheet-size <px>',
      'side of the square that windows are cut from: that of the training, which is the default; another one is refused',
    )
    .option('--window-weights <kind>', 'how overlapping windows are averaged: gaussian or uniform', 'gaussian');
}

/** The requested views and windows. Throws `usage-invalid` with the name of the invalid option. */
export function viewingOfOptions(options: ViewingOptions): Viewing {
  const { tta, window, stride, sheetSize } = options;
  const views = tta.split(',').map((part) => viewNamed(part.trim()));
  const twice = views.find((view, index) => views.indexOf(view) !== index);
  if (twice) throw wrong(['tta'], `view ${twice} is named twice`);
  if (window === undefined) {
    const stray = stride !== undefined ? 'stride' : sheetSize !== undefined ? 'sheetSize' : undefined;
    if (stray) throw wrong(['window', stray], 'it is only valid with --window');
  }
  const asked = {
    tta: views,
    ttaDegrees: numberOf(options.ttaDegrees),
    ttaScale: numberOf(options.ttaScale),
    ...(window === undefined ? {} : { window: windowOf(options, numberOf(window)) }),
  };
  const inference = inferenceSchema.safeParse(asked, { reportInput: true });
  if (!inference.success) {
    const [found] = inference.error.issues.map(issueFinding);
    throw wrong(found?.path ?? [], `the value ${found?.message ?? 'is invalid'}`);
  }
  const [found] = inference.data.window === undefined ? [] : windowFindings(inference.data.window);
  if (found) throw wrong(['window', ...found.path], found.message);
  return viewingOf({ inference: inference.data });
}

function windowOf({ stride, sheetSize, windowWeights }: ViewingOptions, size: number): object {
  return {
    size,
    stride: stride === undefined ? Math.max(1, Math.floor(size / 2)) : numberOf(stride),
    weights: windowWeights,
    ...(sheetSize === undefined ? {} : { sheetSize: numberOf(sheetSize) }),
  };
}

function viewNamed(text: string): TtaName {
  const view = TTA_NAMES.find((name) => name === text);
  if (view) return view;
  throw new CarpalError('usage-invalid', `there is no view "${text}"`, { where: '--tta', fix: `Use ${TTA_NAMES.join(', ')}.` });
}

const numberOf = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text));

function wrong(path: FieldPath, what: string): CarpalError {
  return new CarpalError('usage-invalid', what, { where: OPTION_OF[path.join('.')] ?? '--tta' });
}
