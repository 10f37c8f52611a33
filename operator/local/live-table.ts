/** The live table as text: one summary line, one line per stage. Pure; no line is wider than `width`. */
import type { FoldStatus, StageStatus, StageStatusState } from '@carpal/configs/schema/status.ts';
import { holdsPlace, isTrue } from '@carpal/configs/schema/status.ts';
import { foldFraction, remainingTrainingSeconds } from '../experiment/progress.ts';
import type { Step } from '../experiment/reconcile.ts';
import { stageTitle } from '../experiment/stage.ts';
import { bar, figure, rate, shortDuration } from './view-text.ts';

export type Paint = (text: string) => string;
export type Colours = {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
};

export type TableOptions = {
  readonly name: string;
  readonly parallelism: number;
  readonly width: number;
  readonly now: Date;
  /** Counts up while the table is shown, and turns the spinner. */
  readonly tick: number;
  readonly colours: Colours;
};

const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const BAR_CELLS = 12;

/** The text for a state, with its colour. Running has none. */
function stateWord(stage: StageStatus, { colours, now }: TableOptions): string {
  const retryMs = stage.retryAt === undefined ? 0 : Date.parse(stage.retryAt) - now.getTime();
  const next = `attempt ${stage.attempts + 1} in ${shortDuration(Math.ceil(retryMs / 1000))}`;
  const words: Record<StageStatusState, string> = {
    Waiting: retryMs > 0 ? colours.yellow(next) : colours.dim('waiting'),
    Starting: stage.heldSince === undefined ? colours.dim('starting') : colours.yellow('cannot start'),
    Queued: colours.dim('queued'),
    Pending: colours.dim('waiting to start'),
    Running: '',
    Stopping: colours.yellow('stopping'),
    Stopped: colours.yellow('stopped'),
    Succeeded: colours.green('done'),
    Failed: colours.red('failed'),
  };
  return words[stage.state];
}

type Cell = { readonly text: string; readonly paint?: Paint };

/** Joins cells with two spaces and omits cells at the end that do not fit. Colour codes do not count as width. */
function row(cells: readonly Cell[], width: number): string {
  let used = 0;
  let line = '';
  for (const { text, paint } of cells) {
    const gap = line === '' ? '' : '  ';
    const free = width - used - gap.length;
    if (free <= 0) break;
    const shown = text.length <= free ? text : `${text.slice(0, Math.max(0, free - 1))}…`;
    line += gap + (paint === undefined ? shown : paint(shown));
    used += gap.length + shown.length;
    if (shown !== text) break;
  }
  return line;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with an escape
const plainLength = (text: string): number => text.replaceAll(/\u001b\[[0-9;]*m/g, '').length;

/** A cell that already has colour codes. Only its visible characters count as width. */
function painted(text: string): Cell {
  const visible = ' '.repeat(plainLength(text));
  return { text: visible, paint: (cut) => (cut.length === visible.length ? text : '') };
}

const spinner = (options: TableOptions): Cell => ({ text: SPINNER[options.tick % SPINNER.length] ?? '', paint: options.colours.cyan });

/** The number of a second or later attempt while it is active. */
function attemptNumber(stage: StageStatus): Cell[] {
  return holdsPlace(stage) && stage.attempts > 1 ? [{ text: `attempt ${stage.attempts}` }] : [];
}

/** How many attempts failed or were disrupted, unless the state already shows it. */
function troubles(stage: StageStatus, { colours }: TableOptions): Cell[] {
  const parts = [
    stage.failures > 0 ? `${stage.failures} failed` : '',
    stage.disruptions > 0 ? `${stage.disruptions} disrupted` : '',
  ].filter((part) => part !== '');
  const isKnown = stage.state === 'Succeeded' || (stage.state === 'Failed' && stage.failures + stage.disruptions === 1);
  return parts.length === 0 || isKnown ? [] : [{ text: parts.join(', '), paint: colours.yellow }];
}

/** Why a stage waits, stops or has failed: the first line of its message. */
function whyCell({ state, message = '' }: StageStatus, { colours }: TableOptions): Cell[] {
  const [line = ''] = message.split('\n');
  return line === '' || state === 'Running' || state === 'Succeeded' ? [] : [{ text: line, paint: colours.dim }];
}

/** From this width on, the figures have units. */
const WIDE = 100;

const throughput = (imagesPerSecond: number | null | undefined, { width }: TableOptions): string =>
  width < WIDE ? `${rate(imagesPerSecond)}/s`.padStart(6) : `${rate(imagesPerSecond).padStart(4)} images/s`;

const left = (seconds: number, { width, colours }: TableOptions): Cell => ({
  text: width < WIDE ? shortDuration(seconds) : `${shortDuration(seconds)} left`,
  paint: colours.dim,
});

function foldCells(fold: FoldStatus, step: Step, options: TableOptions): Cell[] {
  const report = step.observed.progress.folds.get(fold.index);
  const epochs = fold.epochs === undefined ? '' : `${fold.epoch ?? 0}/${fold.epochs}`;
  const dice = `Dice ${figure(fold.bestDice)}`;
  if (fold.state === 'Succeeded')
    return [painted(stateWord(fold, options).padEnd(4)), { text: `${epochs} epochs` }, { text: dice, paint: options.colours.bold }];
  if (fold.state !== 'Running') return [painted(stateWord(fold, options)), ...(epochs === '' ? [] : [{ text: `at ${epochs}` }])];
  if (report === undefined || fold.epochs === undefined) return [spinner(options), { text: 'starting', paint: options.colours.dim }];
  return [
    { text: bar(foldFraction(fold, step.observed.progress), BAR_CELLS), paint: options.colours.cyan },
    { text: epochs.padStart(7) },
    { text: `loss ${figure(fold.loss)}` },
    { text: dice, paint: options.colours.bold },
    { text: throughput(report.imagesPerSecond, options) },
    ...(report.etaSeconds === null || report.etaSeconds === undefined ? [] : [left(report.etaSeconds, options)]),
  ];
}

function workCells(key: 'prepare' | 'ensemble', stage: StageStatus, step: Step, options: TableOptions): Cell[] {
  const report = step.observed.progress[key];
  if (stage.state === 'Succeeded')
    return [painted(stateWord(stage, options)), ...(report?.total ? [{ text: `${report.total} images` }] : [])];
  if (stage.state !== 'Running') return [painted(stateWord(stage, options))];
  if (!report?.total) return [spinner(options), { text: 'starting', paint: options.colours.dim }];
  return [
    { text: bar((report.done ?? 0) / report.total, BAR_CELLS), paint: options.colours.cyan },
    { text: `${report.done ?? 0} of ${report.total} images` },
    ...(report.imagesPerSecond ? [{ text: throughput(report.imagesPerSecond, options) }] : []),
    ...(report.etaSeconds ? [left(report.etaSeconds, options)] : []),
  ];
}

function summary(step: Step, options: TableOptions): string {
  const { status } = step.plan;
  const { colours } = options;
  const count = (wanted: StageStatusState): number => status.folds.filter((fold) => fold.state === wanted).length;
  const [done, failed] = [count('Succeeded'), count('Failed')];
  const seconds = remainingTrainingSeconds(status, step.observed.progress, options.parallelism, options.now);
  const ended = isTrue(status, 'Complete') || isTrue(status, 'Failed');
  const state = isTrue(status, 'Failed') ? colours.red('failed') : isTrue(status, 'Suspended') ? colours.yellow('suspended') : '';
  return row(
    [
      { text: options.name, paint: colours.bold },
      { text: status.progress.padStart(4) },
      { text: `${done} of ${status.folds.length} folds${failed === 0 ? '' : `, ${failed} failed`}` },
      ...(status.bestDice === undefined ? [] : [{ text: `mean Dice ${figure(status.bestDice)}`, paint: colours.bold }]),
      ...(seconds === undefined || seconds <= 0 || ended
        ? []
        : [{ text: `${shortDuration(seconds)} of training left`, paint: colours.dim }]),
      ...(state === '' ? [] : [painted(state)]),
    ],
    options.width,
  );
}

/** The table's lines, top to bottom. */
export function tableLines(step: Step, options: TableOptions): readonly string[] {
  const { prepare, folds, ensemble } = step.plan.status;
  const title = (text: string): Cell => ({ text: `  ${text.padEnd(8)}` });
  const line = (name: string, stage: StageStatus, cells: readonly Cell[]): string =>
    row([title(name), ...cells, ...attemptNumber(stage), ...troubles(stage, options), ...whyCell(stage, options)], options.width);
  return [
    summary(step, options),
    line('prepare', prepare, workCells('prepare', prepare, step, options)),
    ...folds.map((fold) => line(stageTitle({ stage: 'fold', fold: fold.index }), fold, foldCells(fold, step, options))),
    line('ensemble', ensemble, workCells('ensemble', ensemble, step, options)),
  ];
}
