import { issueFinding } from '@carpal/configs/check/issue-finding.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { FieldPath } from '@carpal/configs/finding.ts';
import type { TtaName } from '@carpal/configs/schema/experiment.ts';
import { inferenceSchema, TTA_NAMES } from '@carpal/configs/schema/learning.ts';
import { windowFindings } from '@carpal/configs/rules/learning.ts';
import { type Viewing, viewingOf } from '@carpal/trainer/infer/views.ts';
import type { Command } from 'commander';

/** How the options of {@link addViewingOptions} come out of commander. */
export type ViewingOptions = {
  readonly tta: string;
  readonly ttaDegrees: string;
  readonly ttaScale: string;
  readonly window?: string;
  readonly stride?: string;
  readonly sheetSize?: string;
  readonly windowWeights: string;
};

/** The fields of a manifest's `inference` by the options that stand for them. */
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

/** The options of a command that predicts: what a manifest says under `inference`, by the same names, with the same defaults and bounds. */
export function addViewingOptions(command: Command): Command {
  return command
    .option('--tta <views>', `views to average, with commas: ${TTA_NAMES.join(', ')}`, DEFAULTS.tta.join(','))
    .option('--tta-degrees <degrees>', 'how far rotateLeft and rotateRight turn', String(DEFAULTS.ttaDegrees))
    .option('--tta-scale <share>', 'by what share scaleDown and scaleUp change the size', String(DEFAULTS.ttaScale))
    .option('--window <px>', 'slide a window of this side over the sheet; left out, the whole sheet is seen at the input size')
    .option('--stride <px>', 'from one window to the next; left out, half a window')
    .option('--sheet-size <px>', 'side of the square that the sheet is fitted to before windows are cut; left out, twice the window')
    .option('--window-weights <kind>', 'how overlapping windows are averaged: gaussian or uniform', 'gaussian');
}

/** The views and windows asked for. Throws `usage-invalid` naming the option at fault. */
export function viewingOfOptions(options: ViewingOptions): Viewing {
  const { tta, window, stride, sheetSize } = options;
  const views = tta.split(',').map((part) => viewNamed(part.trim()));
  const twice = views.find((view, index) => views.indexOf(view) !== index);
  if (twice) throw wrong(['tta'], `view ${twice} is named twice`);
  if (window === undefined) {
    const stray = stride !== undefined ? 'stride' : sheetSize !== undefined ? 'sheetSize' : undefined;
    if (stray) throw wrong(['window', stray], 'it goes with --window');
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
    throw wrong(found?.path ?? [], `the value ${found?.message ?? 'is not as it should be'}`);
  }
  const [found] = inference.data.window === undefined ? [] : windowFindings(inference.data.window);
  if (found) throw wrong(['window', ...found.path], found.message);
  return viewingOf(inference.data);
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
