import { CarpalError } from '@carpal/configs/errors.ts';
import type { TtaName } from '@carpal/configs/schema/experiment.ts';
import { inferenceSchema, TTA_NAMES } from '@carpal/configs/schema/learning.ts';
import { type Viewing, viewingOf } from '@carpal/trainer/infer/viewing.ts';
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

/** The options of a command that predicts: what a manifest says under `inference`, by the same names and with the same bounds. */
export function addViewingOptions(command: Command): Command {
  return command
    .option('--tta <VIEWS>', `views to average, with commas: ${TTA_NAMES.join(', ')}`, 'identity,flipHorizontal')
    .option('--tta-degrees <D>', 'how far rotateLeft and rotateRight turn', '10')
    .option('--tta-scale <S>', 'by what share scaleDown and scaleUp change the size', '0.25')
    .option('--window <PX>', 'slide a window of this side over the sheet; left out, the whole sheet is seen at the input size')
    .option('--stride <PX>', 'from one window to the next; left out, half a window')
    .option('--sheet-size <PX>', 'side of the square that the sheet is fitted to before windows are cut; left out, twice the window')
    .option('--window-weights <W>', 'how overlapping windows are averaged: gaussian or uniform', 'gaussian');
}

/** The views and windows asked for. Throws `usage-invalid` naming the option at fault. */
export function viewingOfOptions(options: ViewingOptions): Viewing {
  const { tta, window, stride, sheetSize } = options;
  const views = tta.split(',').map((part) => viewNamed(part.trim()));
  const twice = views.find((view, index) => views.indexOf(view) !== index);
  if (twice) throw wrong('tta', `names ${twice} twice`);
  if (window === undefined) {
    const stray = stride !== undefined ? 'window.stride' : sheetSize !== undefined ? 'window.sheetSize' : undefined;
    if (stray) throw wrong(stray, 'goes with --window');
  }
  const inference = inferenceSchema.safeParse({
    tta: views,
    ttaDegrees: numberOf(options.ttaDegrees),
    ttaScale: numberOf(options.ttaScale),
    ...(window === undefined ? {} : { window: windowOf(options, numberOf(window)) }),
  });
  if (!inference.success) {
    const [issue] = inference.error.issues;
    throw wrong(issue?.path.join('.') ?? '', issue?.message ?? 'is not as it should be');
  }
  const viewing = viewingOf(inference.data);
  checkWindow(viewing);
  return viewing;
}

function windowOf({ stride, sheetSize, windowWeights }: ViewingOptions, size: number): object {
  return {
    size,
    stride: stride === undefined ? Math.max(1, Math.floor(size / 2)) : numberOf(stride),
    weights: windowWeights,
    ...(sheetSize === undefined ? {} : { sheetSize: numberOf(sheetSize) }),
  };
}

function checkWindow({ window }: Viewing): void {
  if (!window) return;
  if (window.stride > window.size) throw wrong('window.stride', `leaves gaps between windows of ${window.size}`);
  if (window.size > window.sheetSize) throw wrong('window.size', `is larger than the sheet of ${window.sheetSize} px it is cut from`);
}

function viewNamed(text: string): TtaName {
  const view = TTA_NAMES.find((name) => name === text);
  if (view) return view;
  throw new CarpalError('usage-invalid', `there is no view "${text}"`, { where: '--tta', remedy: `Use ${TTA_NAMES.join(', ')}.` });
}

const numberOf = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text));

function wrong(path: string, what: string): CarpalError {
  return new CarpalError('usage-invalid', `the option ${what.charAt(0).toLowerCase()}${what.slice(1)}`, {
    where: OPTION_OF[path] ?? '--tta',
  });
}
