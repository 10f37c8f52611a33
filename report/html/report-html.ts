import { diceEstimates } from '../statistics/dice-estimates.ts';
import { calibrationSection } from './calibration-section.ts';
import { classTable } from './class-table.ts';
import { dataUri, escapeHtml } from './html.ts';
import { htmlPage, section } from './page.ts';
import type { ReportData, ReportPicture } from './report-data.ts';
import { factsSection } from './report-facts.ts';
import { reportHeader } from './report-header.ts';
import { trainingSection } from './training-section.ts';
import { worstCasesSection } from './worst-cases-section.ts';

const NO_TEST_IMAGES =
  '<p class="notice">The data set has no test images, so submission.csv holds no rows. Everything above comes from the training images.</p>';

/** The whole report as one HTML file that asks nothing of any server: style, curves and pictures are within it. */
export function reportHtml(data: ReportData): string {
  const { metadata, spec } = data.experiment;
  const estimates = diceEstimates(data.images);
  return htmlPage(`${metadata.name} · ${spec.model.name}`, [
    reportHeader(data, estimates),
    trainingSection(data.folds),
    section('Dice per class', `${diceNote(data, estimates.people)}${classTable(data, estimates)}`),
    worstCasesSection(data.images, data.classes),
    calibrationSection(data.calibration, data.classes, spec.input.size),
    pictures('Worst images out of fold', data.worst),
    pictures('Best images out of fold', data.best),
    data.testImages === 0 ? section('Test images', NO_TEST_IMAGES) : pictures('Test images', data.test),
    factsSection(data),
  ]);
}

function diceNote({ experiment, calibration }: ReportData, people: number): string {
  const { threshold } = experiment.spec.inference;
  const sentences = [
    `Each training image is judged by the one network that never saw its person, at the image's own size and threshold ${threshold}.`,
    people < 2
      ? 'Intervals take at least two people.'
      : `The intervals tell how the mean would vary over other people: ${people} people are drawn again and again, with all their images (bootstrap, 2,000 times).`,
    'The threshold is the one that the submission is cut at; the Dice with it (and with the cleaning, where there is one) is of these same images, which flatters a little.',
    calibration ? 'ECE is explained under Calibration.' : '',
  ];
  return `<p class="dim">${sentences.join(' ')}</p>`;
}

function pictures(title: string, items: readonly ReportPicture[]): string {
  if (items.length === 0) return '';
  const figures = items.map((item) => {
    const image = `<img src="${dataUri(item.jpeg, 'image/jpeg')}" alt="${escapeHtml(item.title)}" loading="lazy">`;
    return `<figure>${image}<figcaption>${escapeHtml(item.caption)}</figcaption></figure>`;
  });
  return section(title, `<div class="pictures">${figures.join('')}</div>`);
}
