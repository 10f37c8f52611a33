/** docs/results.md, made from the figures of a study. */
import { ceilingClaim, gainText, overlapClaim, percent, READING_CLAIMS, readingClaim } from './effects.ts';
import type { Kept } from './figure-cache.ts';
import type { CeilingFigure, OverlapFigure } from './truth.ts';
import { diceInterval, gainOver, type ReadingFigure } from './reading-figure.ts';
import type { StudyFigures } from './run-study.ts';
import type { Reading, Study, Training } from './study.ts';
import { trainingOf } from './study-keys.ts';

/** Classes that argmax changes, so many of them in the table. */
const CHANGED_CLASSES = 10;

const digits = (dice: number): string => dice.toFixed(4);

function diceCell(figure: ReadingFigure): string {
  const interval = diceInterval(figure);
  return interval ? `**${digits(figure.dice)}** (${digits(interval.low)}–${digits(interval.high)})` : `**${digits(figure.dice)}**`;
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [`| ${head.join(' | ')} |`, `|${'---|'.repeat(head.length)}`, ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');

const section = (title: string, ...paragraphs: readonly (string | undefined)[]): string =>
  [`## ${title}`, ...paragraphs.filter((paragraph) => paragraph !== undefined && paragraph !== '')].join('\n\n');

function readingsOf(study: Study, ids: readonly string[]): readonly Reading[] {
  return ids.flatMap((id) => study.readings.filter((reading) => reading.id === id));
}

function networks(study: Study, { folds, readings }: StudyFigures): string {
  const rows = readingsOf(study, study.networks).flatMap(({ id, training, title }) => {
    const [reading, fold] = [readings[id], folds[training]];
    if (!reading || !fold) return [];
    const { parameters, secondsPerEpoch, peakMb } = fold.figure;
    const cost = [secondsPerEpoch.toFixed(1), peakMb.toFixed(0)];
    return [
      [
        title,
        optionsText(trainingOf(study, training)),
        parameters.toLocaleString('en-US'),
        diceCell(reading.figure),
        ...cost,
        reading.revision,
      ],
    ];
  });
  return section(
    'Networks',
    'Fold 0 of each, one network without further views, threshold 0.5. In brackets the middle 95 % when people are drawn anew. The seconds\nare those of a machine that may have had other work; `docs/benchmarks.md` compares speeds.',
    table(['network', 'options', 'parameters', 'Dice', 'seconds an epoch', 'peak MB', 'revision'], rows),
  );
}

const optionsText = ({ model }: Training): string =>
  Object.entries(model.options)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

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
    "Each row differs from the one that it is compared with in one thing. Gains are person by person: their mean, the middle 95 % of it when people are drawn anew, and how likely so much would be if the two were alike (signs of people's gains turned at random). Thresholds and cleaning are chosen on the training half, out of fold.",
    table(['name', 'what', 'votes', 'Dice', 'gain', 'revision'], rows),
  );
}

function ceilings(figures: readonly Kept<CeilingFigure>[]): string {
  const tables = figures.map(({ figure, revision }) => {
    const sizes = [...new Set(figure.rows.map(({ size }) => size))];
    const cell = (size: number, kind: string): string => {
      const row = figure.rows.find((one) => one.size === size && one.kind === kind);
      return row ? `${digits(row.dice)} (${digits(Math.min(...row.perClass))})` : '–';
    };
    const rows = sizes.map((size) => [`${size}`, ...['area', 'nearest', 'floor'].map((kind) => cell(size, kind))]);
    const head = ['training size', 'area', 'nearest: the pixel at the centre', 'cv2.INTER_NEAREST: the upper left pixel'];
    return `${figure.sheets} sheets of ${figure.sheet} px, at revision ${revision}:\n\n${table(head, rows)}`;
  });
  return section(
    'The ceiling that targets set',
    'No training: true masks made small as a target, made large bilinearly, cut at one half, and compared with the truth. A network that has learned its targets perfectly would score so; in brackets the worst bone. Where a pixel of the square is an even number of sheet pixels wide, its centre falls between two, and nearest takes the lower right one: half a pixel off, as the upper left one is for a width of two.',
    ...tables,
  );
}

function overlap(classes: readonly string[], { overlap: kept, readings }: StudyFigures): string | undefined {
  if (!kept) return undefined;
  const { figure, revision } = kept;
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
    argmax?.lostShare === undefined
      ? undefined
      : `Argmax takes ${percent(argmax.lostShare)} of their pixels from the masks of the networks.`;
  return section(
    'One label a pixel',
    `Of the pixels of bones ${percent(figure.sharedOfBone)} lie in several bones, ${percent(figure.sharedOfImage)} of the sheet (${figure.sheets} test sheets, at revision ${revision}). Below, what a perfect answer with one label a pixel would score, and what the same logits of a network score by a probability a class and by argmax; a network trained with softmax was not measured.`,
    lost,
    table(
      ['bone', 'perfect, the smaller bone takes', 'perfect, the larger one takes', 'sigmoid', 'argmax'],
      [[...all, sigmoid ? digits(sigmoid.dice) : '–', argmax ? digits(argmax.dice) : '–'], ...rows],
    ),
  );
}

function mostChanged({ smallerTakes, largerTakes }: OverlapFigure): readonly number[] {
  const loss = (index: number): number => Math.min(smallerTakes.perClass[index] ?? 1, largerTakes.perClass[index] ?? 1);
  return [...smallerTakes.perClass.keys()].sort((a, b) => loss(a) - loss(b)).slice(0, CHANGED_CLASSES);
}

function claims({ ceilings: kept, overlap: shared, readings }: StudyFigures): string {
  const measured = new Map(Object.entries(readings).map(([id, { figure }]) => [id, figure]));
  const sentences = [
    ...kept.map(({ figure }) => ceilingClaim(figure)),
    shared ? overlapClaim(shared.figure) : undefined,
    ...READING_CLAIMS.map((claim) => readingClaim(claim, measured)),
  ];
  const lines = sentences.flatMap((sentence) => (sentence === undefined ? [] : [`- ${sentence}`]));
  return section(
    'Claims',
    'Confirmed or refuted where the whole interval lies on one side of nothing and p is under 0.05, by these figures.',
    lines.join('\n'),
  );
}

/** The page: budget, claims, networks, ablations, ceilings, overlap. What is not measured yet is left out. */
export function resultsPage(study: Study, classes: readonly string[], figures: StudyFigures): string {
  const overlaps = figures.overlap === undefined ? [] : [figures.overlap];
  const everything = [...figures.ceilings, ...overlaps, ...Object.values(figures.folds), ...Object.values(figures.readings)];
  const machines = [...new Set(everything.map(({ machine }) => machine))].join('; ');
  return `${[
    '# Results',
    introduction(study, machines),
    claims(figures),
    networks(study, figures),
    ablations(study, figures),
    ceilings(figures.ceilings),
    overlap(classes, figures),
  ]
    .filter((part) => part !== undefined)
    .join('\n\n')}\n`;
}

function introduction({ phantoms, folds, size, trainings }: Study, machines: string): string {
  const { people, testPeople, seed, size: sheet } = phantoms;
  const [{ spec } = { spec: undefined }] = trainings;
  const { epochs, batchSize } = spec?.training ?? {};
  return [
    `Made by \`./carpal bench results --write\`${machines === '' ? '' : ` on ${machines}`}; each row tells the revision that it was measured at.`,
    `Everything is measured on one phantom set (\`carpal data synth --people ${people} --test-people ${testPeople} --seed ${seed} --size ${sheet}\`): trained on the`,
    `${people} people of the training half less those of the fold (${folds} folds by person), scored on the ${testPeople} people of the test half, two hands each, as mean Dice over`,
    `image × class at the sheet's own ${sheet} px. The budget is the same for all: ${epochs} epochs at ${size} px, batches of ${batchSize}, one recipe (\`bench/quality/study.ts\`) with`,
    'one learning rate, chosen on SlimUNet, and no pretrained weights. That is little: the table ranks what learns fast from nothing, not what is best after a day. Phantoms are',
    'not patients: none of these scores stands beside one of the real data set.',
  ].join('\n');
}
