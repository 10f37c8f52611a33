import { meanOf } from '../infer/scoring.ts';
import { boneGroups } from './bone-groups.ts';
import { classTable } from './class-table.ts';
import { dataUri, escapeHtml } from './html.ts';
import { lineChart, type Series } from './line-chart.ts';
import type { ReportData, ReportFold, ReportPicture } from './report-data.ts';
import { REPORT_STYLE } from './report-style.ts';

/** One colour a fold, told apart on light and on dark ground. */
const FOLD_COLOURS = ['#3b82f6', '#f59e0b', '#10b981', '#ef4444', '#a855f7', '#06b6d4', '#ec4899', '#84cc16'];
const colourOf = (index: number): string => FOLD_COLOURS[index % FOLD_COLOURS.length] ?? '#888888';

/** The whole report as one HTML file that asks nothing of any server: style, curves and pictures are within it. */
export function reportHtml(data: ReportData): string {
  const { metadata, spec } = data.experiment;
  const title = `${metadata.name} · ${spec.model.name}`;
  const body = [
    header(data),
    section('Training', curves(data.folds)),
    section('Dice per class', `${outOfFoldNote(data)}${classTable(data)}`),
    pictures('Worst images out of fold', data.worst),
    pictures('Best images out of fold', data.best),
    data.testImages === 0
      ? section(
          'Test images',
          '<p class="notice">The data set has no test images, so submission.csv holds no rows. Everything above comes from the training images.</p>',
        )
      : pictures('Test images', data.test),
    section('Experiment', facts(data)),
  ];
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title><style>${REPORT_STYLE}</style>`;
  return `<!doctype html>\n<html lang="en"><head>${head}</head><body><main>${body.join('\n')}</main></body></html>\n`;
}

const section = (title: string, content: string): string => `<section><h2>${escapeHtml(title)}</h2>${content}</section>`;

function header(data: ReportData): string {
  const { metadata, spec } = data.experiment;
  const who = [spec.owner, spec.task].filter((text) => text !== undefined && text !== '').join(' · ');
  const groups = boneGroups(data.classes).map(({ name, indexes }) => ({
    part: name.endsWith('finger') || name === 'Thumb' ? 'Fingers' : name,
    values: indexes.map((index) => data.score.perClass[index] ?? 0),
  }));
  const parts = [...new Set(groups.map((group) => group.part))];
  const tile = (value: string, label: string): string => `<div class="tile"><b>${value}</b><span>${escapeHtml(label)}</span></div>`;
  const tiles = [
    tile(data.score.images === 0 ? '–' : data.score.dice.toFixed(4), 'mean Dice out of fold'),
    ...parts.map((part) => tile(meanOf(groups.filter((group) => group.part === part).flatMap((group) => group.values)).toFixed(3), part)),
    tile(String(data.score.images), `images scored, ${data.people} people`),
    tile(String(data.testImages), 'test images predicted'),
  ];
  const name = `<h1>${escapeHtml(metadata.name)}</h1><p class="dim">${escapeHtml([spec.model.name, `${spec.input.size} px`, who].filter(Boolean).join(' · '))}</p>`;
  return `<header>${name}<div class="tiles">${tiles.join('')}</div></header>`;
}

function outOfFoldNote({ experiment }: ReportData): string {
  const { threshold } = experiment.spec.inference;
  return `<p class="dim">Each training image is judged by the one network that never saw its person, at the image's own size and threshold ${threshold}. The last two columns: the threshold that the submission is cut at, and the Dice it gave on these same images, which flatters a little.</p>`;
}

function curves(folds: readonly ReportFold[]): string {
  const seriesOf = (value: (metrics: ReportFold['metrics'][number]) => number | null, note: string, dashed = false): Series[] =>
    folds.map(({ fold, metrics }, index) => ({
      label: `fold ${fold}${note}`,
      colour: colourOf(index),
      dashed,
      points: metrics.map((epoch) => ({ x: epoch.epoch, y: value(epoch) ?? Number.NaN })),
    }));
  const loss = [...seriesOf((epoch) => epoch.validationLoss, ', validation'), ...seriesOf((epoch) => epoch.loss, ', training', true)];
  const charts = [
    lineChart({ title: 'Dice of the validation images', series: seriesOf((epoch) => epoch.dice, ''), xLabel: 'epoch' }),
    lineChart({ title: 'Loss: validation solid, training dashed', series: loss, xLabel: 'epoch', fromZero: true }),
  ];
  const keys = folds.map(
    ({ fold, score }, index) =>
      `<span><i style="background:${colourOf(index)}"></i>fold ${fold}: Dice ${score.dice.toFixed(4)} of ${score.images} images</span>`,
  );
  return `<div class="charts">${charts.join('')}</div><div class="key">${keys.join('')}</div>`;
}

function pictures(title: string, items: readonly ReportPicture[]): string {
  if (items.length === 0) return '';
  const figures = items.map((item) => {
    const image = `<img src="${dataUri(item.jpeg, 'image/jpeg')}" alt="${escapeHtml(item.title)}" loading="lazy">`;
    return `<figure>${image}<figcaption>${escapeHtml(item.caption)}</figcaption></figure>`;
  });
  return section(title, `<div class="pictures">${figures.join('')}</div>`);
}

function facts(data: ReportData): string {
  const { metadata, spec } = data.experiment;
  const rows: [string, string][] = [
    ['name', `${metadata.namespace}/${metadata.name}`],
    ['data set', `${spec.dataset.uri}: ${data.trainImages} training images, ${data.testImages} test images`],
    ['split', `${spec.dataset.split.folds} folds by ${spec.dataset.split.strategy}, seed ${spec.dataset.split.seed}`],
    ['network', `${spec.model.name} ${JSON.stringify(spec.model.options)}`],
    ['loss', spec.loss.map((loss) => `${loss.weight} × ${loss.name}`).join(' + ')],
    ['views averaged', spec.inference.tta.join(', ')],
    ['report made', data.madeAt],
    ...Object.entries(data.environment),
  ];
  const list = rows.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join('');
  const manifest = escapeHtml(JSON.stringify(data.experiment, null, 2));
  return `<dl class="facts">${list}</dl><details><summary>The whole manifest, with every default</summary><pre>${manifest}</pre></details>`;
}
