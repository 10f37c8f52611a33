import type { CalibrationCounts } from '@carpal/artifacts/figures.ts';
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import { inputText, windowOf } from '@carpal/configs/schema/options.ts';
import type { ScoredImage } from '@carpal/configs/schema/run-figures.ts';
import { boneGroups, classColour } from '../dataset/bone-classes.ts';
import { meanOf } from '../scoring/scoring.ts';
import { type Calibration, calibrationOf } from '../statistics/calibration.ts';
import { type DiceEstimates, diceEstimates } from '../statistics/estimates.ts';
import { reliabilityChart } from './charts.ts';
import { classTable } from './class-table.ts';
import { intervalText } from './estimate-bars.ts';
import { trainingSection } from './learning-curves.ts';
import { dataUri, escapeHtml, htmlPage, section, wideTable } from './page.ts';
import type { ReportData, ReportPicture } from './report-data.ts';

const NO_TEST_IMAGES =
  '<p class="notice">The data set has no test images, so submission.csv has no rows. All figures come from the training images.</p>';

/** The report of an experiment as one self-contained HTML file. */
export function reportHtml(data: ReportData): string {
  const { metadata, spec } = data.experiment;
  const estimates = diceEstimates(data.images);
  return htmlPage(`${metadata.name} · ${spec.model.name}`, [
    reportHeader(data, estimates),
    warningsSection(data.warnings),
    trainingSection(data.folds),
    section('Dice per class', `${diceNote(data, estimates.people)}${classTable(data, estimates)}`),
    worstCasesSection(data.images, data.classes),
    calibrationSection(data.calibration, data.classes),
    pictures('Worst images out of fold', data.worst),
    pictures('Best images out of fold', data.best),
    data.testImages === 0 ? section('Test images', NO_TEST_IMAGES) : pictures('Test images', data.test),
    factsSection(data),
  ]);
}

/** The name of the experiment and its main figures. */
function reportHeader(data: ReportData, estimates: DiceEstimates): string {
  const { metadata, spec } = data.experiment;
  const who = [spec.owner, spec.task].filter((text) => text !== undefined && text !== '').join(' · ');
  const groups = boneGroups(data.classes).map(({ name, indexes }) => ({
    part: name.endsWith('finger') || name === 'Thumb' ? 'Fingers' : name,
    values: indexes.map((index) => data.score.perClass[index] ?? 0),
  }));
  const parts = [...new Set(groups.map((group) => group.part))];
  const tile = (value: string, label: string): string => `<div class="tile"><b>${value}</b><span>${escapeHtml(label)}</span></div>`;
  const interval = estimates.all.interval === undefined ? '' : `, 95 %: ${intervalText(estimates.all)}`;
  const tiles = [
    tile(data.score.images === 0 ? '–' : data.score.dice.toFixed(4), `mean Dice out of fold${interval}`),
    ...parts.map((part) => tile(meanOf(groups.filter((group) => group.part === part).flatMap((group) => group.values)).toFixed(3), part)),
    tile(String(data.score.images), `images scored, ${estimates.people} people`),
    tile(String(data.testImages), 'test images predicted'),
  ];
  const name = `<h1>${escapeHtml(metadata.name)}</h1><p class="dim">${escapeHtml([spec.model.name, inputText(spec.input), who].filter(Boolean).join(' · '))}</p>`;
  return `<header>${name}<div class="tiles">${tiles.join('')}</div></header>`;
}

/** What the stages warn of; empty without warnings. */
function warningsSection(warnings: ReportData['warnings']): string {
  if (warnings.length === 0) return '';
  const items = warnings.map(({ stage, message }) => `<li><b>${escapeHtml(stage)}</b>: ${escapeHtml(message)}</li>`);
  return section('Warnings', `<ul class="notice">${items.join('')}</ul>`);
}

function diceNote({ experiment, calibration }: ReportData, people: number): string {
  const { threshold } = experiment.spec.inference;
  const sentences = [
    `Each training image is scored by the one network that was not trained on its person, at the image's own size and at threshold ${threshold}.`,
    people < 2
      ? 'Intervals need at least two people.'
      : `The intervals show how much the mean would vary with other people: ${people} people are resampled with all their images (bootstrap, 2,000 resamples).`,
    'The column “threshold” is the threshold of the submission. “chosen Dice” is the mean Dice of single networks with a threshold and a cleaning that were chosen without the scored person (cross-validation over people), and “gain” is what that adds to the Dice at the left. A class keeps the threshold of the manifest unless another one gains on people that had no part in the choice.',
    calibration ? 'ECE is explained under Calibration.' : '',
  ];
  return `<p class="dim">${sentences.join(' ')}</p>`;
}

type WorstCase = {
  readonly imageName: string;
  readonly group: string;
  readonly fold: number;
  /** Index of the class. */
  readonly classIndex: number;
  readonly dice: number;
};

const calibrationText = ({ error, bias }: Calibration): string =>
  `ECE ${error.toFixed(3)}, ${bias > 0 ? 'overconfident' : 'underconfident'} by ${Math.abs(bias).toFixed(3)}`;

const SHOWN = 20;

/** The masks (image × class) with the lowest Dice, ascending; ties in the order of images and classes. */
export function worstCases(images: readonly ScoredImage[], count: number): WorstCase[] {
  return images
    .flatMap(({ imageName, group, fold, perClass }) =>
      perClass.map((value, classIndex) => ({ imageName, group, fold, classIndex, dice: value })),
    )
    .sort((a, b) => a.dice - b.dice)
    .slice(0, count);
}

/** The worst masks out of fold; empty without images. */
function worstCasesSection(images: readonly ScoredImage[], classes: readonly string[]): string {
  const cases = worstCases(images, SHOWN);
  if (cases.length === 0) return '';
  const rows = cases.map(({ imageName, group, fold, classIndex, dice }) => {
    const swatch = `<span class="swatch" style="background:${classColour(classIndex)}"></span>`;
    const className = `${swatch}${escapeHtml(classes[classIndex] ?? '')}`;
    return `<tr><th scope="row">${escapeHtml(imageName)}</th><td class="words">${className}</td><td>${dice.toFixed(4)}</td><td>${escapeHtml(group)}</td><td>${fold}</td></tr>`;
  });
  const head = '<th scope="col">Image</th><th scope="col" class="words">Class</th><th scope="col">Dice</th><th scope="col">Person</th>';
  const table = wideTable('Worst cases', `<thead><tr>${head}<th scope="col">Fold</th></tr></thead><tbody>${rows.join('')}</tbody>`);
  const masks = images.flatMap(({ perClass }) => perClass);
  const missed = masks.filter((dice) => dice === 0).length;
  const sentences = [
    `The ${cases.length} masks with the lowest Dice, each predicted by the network of the fold that was not trained on its person.`,
    missed === 0 ? '' : `${missed} of ${masks.length} masks do not overlap the true mask at all.`,
  ];
  const note = `<p class="dim">${sentences.join(' ').trim()}</p>`;
  return section('Worst cases', `${note}${table}`);
}

/** Bins with fewer pixels are too noisy to draw; they still count in the ECE. */
const FEWEST_PIXELS = 20;

/** A reliability diagram for each part of the hand, with its classes as thin lines; empty without counts. */
function calibrationSection(counts: CalibrationCounts | undefined, classes: readonly string[]): string {
  if (!counts) return '';
  const charts = boneGroups(classes).flatMap(({ name, indexes }) => {
    const together = calibrationOf(counts, indexes);
    if (!together) return [];
    const others = indexes.flatMap((index) => {
      const own = calibrationOf(counts, [index]);
      return own ? [{ label: `${classes[index] ?? ''}: ${calibrationText(own)}`, bins: drawnBins(own) }] : [];
    });
    const main = { label: `${name}: ${calibrationText(together)}`, bins: drawnBins(together) };
    return [reliabilityChart({ title: `${name}: ${calibrationText(together)}`, main, others })];
  });
  if (charts.length === 0) return '';
  const note = `<p class="dim">Of the pixels with a predicted probability of 0.7, 70 % should be bone; the line is then on the dashed diagonal. Below the diagonal the networks are overconfident, above it underconfident. The thick line is the part of the hand, the thin lines are its bones. Counted out of fold over ${counts.images} images at their own size, without pixels below 0.2 %. ECE (expected calibration error) is the mean distance from the diagonal.</p>`;
  return section('Calibration', `${note}<div class="charts small">${charts.join('')}</div>`);
}

const drawnBins = ({ bins }: Calibration): Calibration['bins'] => bins.filter(({ pixels }) => pixels >= FEWEST_PIXELS);

function pictures(title: string, items: readonly ReportPicture[]): string {
  if (items.length === 0) return '';
  const figures = items.map((item) => {
    const image = `<img src="${dataUri(item.jpeg, 'image/jpeg')}" alt="${escapeHtml(item.title)}" loading="lazy">`;
    return `<figure>${image}<figcaption>${escapeHtml(item.caption)}</figcaption></figure>`;
  });
  return section(title, `<div class="pictures">${figures.join('')}</div>`);
}

/** Facts about the run and the complete manifest. */
function factsSection(data: ReportData): string {
  const { metadata, spec } = data.experiment;
  const rows: [string, string][] = [
    ['name', `${metadata.namespace}/${metadata.name}`],
    ['data set', `${spec.dataset.uri}: ${data.trainImages} training images, ${data.testImages} test images`],
    ['split', `${spec.dataset.split.folds} folds by ${spec.dataset.split.strategy}, seed ${spec.dataset.split.seed}`],
    ['network', `${spec.model.name} ${JSON.stringify(spec.model.options)}`],
    ['loss', spec.loss.map((loss) => `${loss.weight} × ${loss.name}`).join(' + ')],
    ['averaged views', spec.inference.tta.join(', ')],
    ...windowRow(spec),
    ['report created', data.madeAt],
    ...Object.entries(data.environment),
  ];
  const list = rows.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join('');
  const manifest = escapeHtml(JSON.stringify(data.experiment, null, 2));
  const details = `<details><summary>Complete manifest with all defaults</summary><pre>${manifest}</pre></details>`;
  return section('Experiment', `<dl class="facts">${list}</dl>${details}`);
}

function windowRow(spec: ExperimentSpec): [string, string][] {
  const window = windowOf(spec);
  if (!window) return [];
  const { size, stride, weights, sheetSize } = window;
  return [['windows', `${size} px every ${stride} px, cut from the image at ${sheetSize} px, ${weights} weights`]];
}
