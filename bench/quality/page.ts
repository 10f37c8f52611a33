/** docs/results.md, generated from the figures of a study. */
import { boneGroups } from '@carpal/report/dataset/bone-classes.ts';
import { table } from '../harness/outcome.ts';
import { ceilingText, cropsText, EFFECTS, effectRow, gainText, overlapText, percent } from './effects.ts';
import { type CachedFigure, trainingOf } from './figure-cache.ts';
import { diceInterval, gainOver, type ReadingFigure } from './reading-figure.ts';
import type { StudyFigures } from './run-study.ts';
import type { Reading, Study, Training } from './study.ts';
import type { CeilingFigure, OverlapFigure } from './truth.ts';

/** Number of rows in the table of the classes that argmax changes most. */
const CHANGED_CLASSES = 10;

const digits = (dice: number): string => dice.toFixed(4);

function diceCell(figure: ReadingFigure): string {
  const interval = diceInterval(figure);
  return interval ? `**${digits(figure.dice)}** (${digits(interval.low)}–${digits(interval.high)})` : `**${digits(figure.dice)}**`;
}

const section = (title: string, ...paragraphs: readonly (string | undefined)[]): string =>
  [`## ${title}`, ...paragraphs.filter((paragraph) => paragraph !== undefined && paragraph !== '')].join('\n\n');

function readingsOf(study: Study, ids: readonly string[]): readonly Reading[] {
  return ids.flatMap((id) => study.readings.filter((reading) => reading.id === id));
}

const optionsText = ({ model }: Training): string =>
  Object.entries(model.options)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

function networks(study: Study, { folds, readings }: StudyFigures): string {
  const rows = readingsOf(study, study.networks).flatMap(({ id, training, title }) => {
    const [reading, fold] = [readings[id], folds[training]];
    if (!reading || !fold) return [];
    const { parameters, secondsPerEpoch, peakMb } = fold.figure;
    const cost = [secondsPerEpoch.toFixed(1), peakMb.toFixed(0)];
    const options = optionsText(trainingOf(study, training));
    return [[title, options, parameters.toLocaleString('en-US'), diceCell(reading.figure), ...cost, reading.revision]];
  });
  return section(
    'Networks',
    'Fold 0 of each network, without further views, threshold 0.5. In parentheses the 95 % bootstrap interval over people. Other programs may\nhave run during the training; `docs/benchmarks.md` compares speeds.',
    table(['network', 'options', 'parameters', 'Dice', 'seconds per epoch', 'peak MB', 'revision'], rows),
  );
}

function ablations(study: Study, { readings }: StudyFigures): string {
  const rows = readingsOf(study, study.ablations).flatMap(({ id, title, against, votes }) => {
    const reading = readings[id];
    if (!reading) return [];
    const other = against === undefined ? undefined : readings[against];
    const gain = other ? `${gainText(gainOver(reading.figure, other.figure))} over ${against}` : '';
    return [[id, title, votes.length > 1 ? `mean of ${votes.length}` : 'one', diceCell(reading.figure), gain, reading.revision]];
  });
  return section(
    'Ablations',
    'Each row differs in one thing from the row that it is compared with. A gain is the mean over people of their difference in Dice, with its 95 % bootstrap interval. Thresholds and cleaning are chosen out of fold on the training half.',
    table(['name', 'what', 'votes', 'Dice', 'gain', 'revision'], rows),
  );
}

function ceilings(figures: readonly CachedFigure<CeilingFigure>[]): string {
  const tables = figures.map(({ figure, revision }) => {
    const sizes = [...new Set(figure.rows.map(({ size }) => size))];
    const cell = (size: number, kind: string): string => {
      const row = figure.rows.find((one) => one.size === size && one.kind === kind);
      return row ? `${digits(row.dice)} (${digits(Math.min(...row.perClass))})` : '–';
    };
    const rows = sizes.map((size) => [`${size}`, ...['area', 'nearest', 'floor'].map((kind) => cell(size, kind))]);
    const head = ['training size', 'area', 'nearest: the pixel at the centre', 'cv2.INTER_NEAREST: the upper left pixel'];
    return `${figure.images} images of ${figure.imageSize} px, at revision ${revision}:\n\n${table(head, rows)}`;
  });
  return section(
    'The highest Dice that targets allow',
    'Without training: true masks are reduced to a target, enlarged bilinearly, cut at one half, and compared with the true masks. This is the score of a network that has learned its targets perfectly. In parentheses: the score of the worst bone. If the scale is an even number, the centre of a target pixel is between two image pixels, and nearest uses the lower right one. This shifts the mask by half a pixel. At a scale of two, the upper left pixel shifts it by as much.',
    ...tables,
  );
}

function overlap(classes: readonly string[], { overlap: cached, readings }: StudyFigures): string | undefined {
  if (!cached) return undefined;
  const { figure, revision } = cached;
  const [sigmoid, argmax] = [readings['single']?.figure, readings['decode-argmax']?.figure];
  const cell = (values: readonly number[] | undefined, index: number): string => {
    const value = values?.[index];
    return value === undefined ? '–' : digits(value);
  };
  const rows = mostChanged(figure).map((index) => [
    classes[index] ?? '',
    cell(figure.smallerTakes.perClass, index),
    cell(figure.largerTakes.perClass, index),
    cell(sigmoid?.perClass, index),
    cell(argmax?.perClass, index),
  ]);
  const all = ['all', digits(figure.smallerTakes.dice), digits(figure.largerTakes.dice)];
  const lost =
    argmax?.lostShare === undefined ? undefined : `Argmax removes ${percent(argmax.lostShare)} of the pixels of the networks' masks.`;
  return section(
    'One label per pixel',
    `${percent(figure.sharedOfBone)} of the pixels of bones belong to several bones; these are ${percent(figure.sharedOfImage)} of the image (${figure.images} test images, at revision ${revision}). The table shows the score of a perfect answer with one label per pixel, and the scores of the same logits with a probability per class (sigmoid) and with argmax. A network trained with softmax was not measured.`,
    lost,
    table(
      ['bone', 'perfect, shared pixels to the smaller bone', 'perfect, shared pixels to the larger bone', 'sigmoid', 'argmax'],
      [[...all, sigmoid ? digits(sigmoid.dice) : '–', argmax ? digits(argmax.dice) : '–'], ...rows],
    ),
  );
}

function mostChanged({ smallerTakes, largerTakes }: OverlapFigure): readonly number[] {
  const least = (index: number): number => Math.min(smallerTakes.perClass[index] ?? 1, largerTakes.perClass[index] ?? 1);
  return [...smallerTakes.perClass.keys()].sort((a, b) => least(a) - least(b)).slice(0, CHANGED_CLASSES);
}

function effects({ phantoms }: Study, classes: readonly string[], { ceilings: cached, overlap: shared, readings }: StudyFigures): string {
  const measured = new Map(Object.entries(readings).map(([id, { figure }]) => [id, figure]));
  const carpals = boneGroups(classes).find(({ name }) => name === 'Carpals')?.indexes ?? [];
  const sentences = [
    cropsText(measured, carpals),
    ...cached.map(({ figure }) => ceilingText(figure)),
    shared ? overlapText(shared.figure) : undefined,
  ];
  const rows = EFFECTS.flatMap((effect) => {
    const row = effectRow(effect, measured);
    return row ? [row] : [];
  });
  return section(
    'Effects',
    `The difference in Dice that each change makes, as the mean over people, with its 95 % bootstrap interval. These figures rest on the ${phantoms.testPeople} people of the test half and one recipe: they say how large an effect was here, not whether it holds elsewhere.`,
    rows.length === 0 ? undefined : table(['change', 'readings', 'difference in Dice'], rows),
    sentences.flatMap((sentence) => (sentence === undefined ? [] : [`- ${sentence}`])).join('\n'),
  );
}

/** The page: budget, effects, networks, ablations, ceilings, overlap. It omits what is not measured yet. */
export function resultsPage(study: Study, classes: readonly string[], figures: StudyFigures): string {
  const overlaps = figures.overlap === undefined ? [] : [figures.overlap];
  const everything = [...figures.ceilings, ...overlaps, ...Object.values(figures.folds), ...Object.values(figures.readings)];
  const machines = [...new Set(everything.map(({ machine }) => machine))].join('; ');
  const parts = [
    '# Results',
    introduction(study, machines),
    effects(study, classes, figures),
    networks(study, figures),
    ablations(study, figures),
    ceilings(figures.ceilings),
    overlap(classes, figures),
  ];
  return `${parts.filter((part) => part !== undefined).join('\n\n')}\n`;
}

function introduction({ phantoms, folds, size, trainings }: Study, machines: string): string {
  const { people, testPeople, seed, size: imageSize } = phantoms;
  const [{ spec } = { spec: undefined }] = trainings;
  const { epochs, batchSize } = spec?.training ?? {};
  return [
    `Measured with \`./carpal bench results --write\`${machines === '' ? '' : ` on ${machines}`}. Each row shows the revision that it was measured at.`,
    `All figures are from one phantom set (\`carpal data synth --people ${people} --test-people ${testPeople} --seed ${seed} --size ${imageSize}\`). Networks are trained on the`,
    `${people} people of the training half without those of the fold (${folds} folds by person), and scored on the ${testPeople} people of the test half, two hands each, as mean Dice`,
    `over image × class at the images' own ${imageSize} px. The budget is the same for all: ${epochs} epochs at ${size} px, batches of ${batchSize}, one recipe (\`bench/quality/study.ts\`) with`,
    'one learning rate, chosen on SlimUNet, and no pretrained weights. This is a small budget: the table ranks networks by how fast they learn from scratch, not by their',
    'quality after a long training. Phantoms are not patients: do not compare these scores with those of a real data set.',
  ].join('\n');
}
