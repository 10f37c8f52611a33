/** The section of docs/results.md that compares carpal with the original's definitions. */
import { machineMarks, table } from '../../harness/outcome.ts';
import { type Contest, matchesOf, type Network, type Recipe } from './plan.ts';
import type { ContestFigures, SideFigure } from './run-contest.ts';

/** A class with a lower Dice is dead: the network does not find the bone. */
const DEAD_DICE = 0.05;
/** How much lower carpal's mean Dice may be in a row. */
const TOLERANCE = 0.002;

type Row = { readonly network: Network; readonly ours: readonly SideFigure[]; readonly baseline: readonly SideFigure[] };

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const signed = (difference: number): string => `${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(4)}`;
const diceOf = (sides: readonly SideFigure[]): number => mean(sides.map(({ dice }) => dice));

/** How many classes are dead, on average over the seeds. */
function deadText(sides: readonly SideFigure[]): string {
  const dead = mean(sides.map(({ perClass }) => perClass.filter((dice) => dice < DEAD_DICE).length));
  return Number.isInteger(dead) ? String(dead) : dead.toFixed(1);
}

function spreadText(sides: readonly SideFigure[]): string {
  const all = sides.map(({ dice }) => dice);
  const spread = sides.length < 2 ? '' : ` (${Math.min(...all).toFixed(3)}–${Math.max(...all).toFixed(3)})`;
  return `${diceOf(sides).toFixed(4)}${spread}`;
}

const secondsText = (sides: readonly SideFigure[]): string => mean(sides.map(({ seconds }) => seconds)).toFixed(0);

function rowsOf(contest: Contest, recipe: Recipe, figures: ContestFigures): readonly Row[] {
  return contest.networks.flatMap((network) => {
    const found = matchesOf(contest)
      .filter((match) => match.recipe.id === recipe.id && match.network.name === network.name)
      .flatMap(({ id }) => figures[id] ?? []);
    if (found.length === 0) return [];
    return [{ network, ours: found.map(({ ours }) => ours.figure), baseline: found.map(({ baseline }) => baseline.figure) }];
  });
}

function recipeTable(rows: readonly Row[]): string {
  const lines = rows.map(({ network, ours, baseline }) => {
    const difference = diceOf(ours) - diceOf(baseline);
    const options = Object.entries(network.options).map(([name, value]) => `${name} ${value}`);
    return [
      ...[network.name, options.join(', '), spreadText(baseline), spreadText(ours)],
      `${signed(difference)}${difference < -TOLERANCE ? ', **lower**' : ''}`,
      ...[`${deadText(baseline)} → ${deadText(ours)}`, `${secondsText(baseline)} → ${secondsText(ours)}`, String(ours.length)],
    ];
  });
  const differences = rows.map(({ ours, baseline }) => diceOf(ours) - diceOf(baseline));
  const [theirs, own] = [mean(rows.map(({ baseline }) => diceOf(baseline))), mean(rows.map(({ ours }) => diceOf(ours)))];
  const all = ['all', '', theirs.toFixed(4), own.toFixed(4), signed(mean(differences)), '', '', ''];
  return table(
    ['network', 'options', 'Dice of the baseline', 'Dice of carpal', 'difference', 'dead classes', 'seconds', 'seeds'],
    [...lines, all],
  );
}

/** The section; empty until a match is measured. */
export function contestSection(contest: Contest, figures: ContestFigures): string | undefined {
  const measured = Object.values(figures).flatMap(({ ours, baseline }) => [ours, baseline]);
  if (measured.length === 0) return undefined;
  const { phantoms, folds, size, epochs, batchSize } = contest;
  const { people, testPeople, seed, size: imageSize } = phantoms;
  const revisions = [...new Set(measured.map(({ revision }) => revision))].join(', ');
  const machines = [...machineMarks(measured).keys()].join('; ');
  const tables = contest.recipes.flatMap((recipe) => {
    const rows = rowsOf(contest, recipe, figures);
    return rows.length === 0 ? [] : [`### With ${recipe.title}`, recipeTable(rows)];
  });
  return [
    '## Against the original',
    `Measured with \`./carpal bench quality --write\` on ${machines}, at revision ${revisions}.`,
    [
      "Each network of the original is trained by carpal and by its PyTorch definition in `bench/pytorch`, with the original's own data path, loss, optimizer,",
      'schedule and choice of the best epoch. Losses, optimizer, schedule, size, epochs, batch, fold and seed are equal on both sides. In addition, carpal has its own targets and',
      'augmentation where its default is compared; the original had no augmentation. Both sides predict one view at threshold 0.5, and one scorer reads both submissions.',
    ].join('\n'),
    [
      `The data set: \`carpal data synth --people ${people} --test-people ${testPeople} --seed ${seed} --size ${imageSize}\`. Fold 0 of ${folds}, ${epochs} epochs at ${size} px, batches of ${batchSize}.`,
      'Dice is the mean over the test half and over the seeds, with the lowest and highest seed in parentheses. A class with a Dice',
      `under ${DEAD_DICE} is dead; the column shows the number on both sides, as a mean over the seeds. Seconds are those of training and validation. This is a small budget on phantoms: it`,
      'compares two programs, not networks.',
    ].join('\n'),
    ...tables,
  ].join('\n\n');
}
