/** The section of docs/results.md on classes that a network never finds. */
import { meanOf } from '@carpal/report/scoring/scoring.ts';
import { machineMarks, table } from '../../harness/outcome.ts';
import { type CollapsePlan, collapseRuns } from './plan.ts';
import type { CollapseFigures } from './run-collapse.ts';

/** A class with a lower Dice is dead: the network does not find the bone. */
const DEAD_DICE = 0.05;

/** `0.512, 3.3 dead`: the mean Dice and the mean number of dead classes over the seeds. */
function cellText(perClass: readonly (readonly number[])[]): string {
  if (perClass.length === 0) return '–';
  const dead = meanOf(perClass.map((classes) => classes.filter((dice) => dice < DEAD_DICE).length));
  return `${meanOf(perClass.map((classes) => meanOf(classes))).toFixed(3)}, ${Number(dead.toFixed(1))} dead`;
}

/** The section; undefined until a training is measured. */
export function collapseSection(plan: CollapsePlan, figures: CollapseFigures): string | undefined {
  const measured = Object.values(figures);
  if (measured.length === 0) return undefined;
  const { phantoms, folds, size, steps, batchSize, learningRate } = plan;
  const { people, testPeople, seed, size: imageSize } = phantoms;
  const revisions = [...new Set(measured.map(({ revision }) => revision))].join(', ');
  const machines = [...machineMarks(measured).keys()].join('; ');
  return [
    '## Classes that are never found',
    `Measured with \`./carpal bench collapse --write\` on ${machines}, at revision ${revisions}.`,
    [
      'A loss can train a network to never answer some classes: once the probability of a class is near 0 everywhere, the losses have hardly any gradient for it.',
      'The table shows short trainings with each loss, for the first weights that the heads have and for other ones: the mean Dice and the number of dead classes, whose Dice is',
      `under ${DEAD_DICE}. Both are means over the seeds.`,
    ].join('\n'),
    [
      `The data set: \`carpal data synth --people ${people} --test-people ${testPeople} --seed ${seed} --size ${imageSize}\`. Fold 0 of ${folds}, ${steps} steps at ${size} px in batches of ${batchSize}, AdamW with a constant rate of ${learningRate},`,
      'no augmentation. Dice is that of the people of the fold at training size, after the last step. The budget is too small to find every bone: compare columns, not rows.',
    ].join('\n'),
    table(['loss', 'network', ...plan.heads.map(({ id }) => id)], rowsOf(plan, figures)),
  ].join('\n\n');
}

function rowsOf(plan: CollapsePlan, figures: CollapseFigures): readonly (readonly string[])[] {
  const runs = collapseRuns(plan);
  return plan.recipes.flatMap((recipe) =>
    plan.networks.flatMap((network) => {
      const cells = plan.heads.map((head) => {
        const same = runs.filter((run) => run.recipe.id === recipe.id && run.network.name === network.name && run.head.id === head.id);
        return cellText(same.flatMap(({ id }) => (figures[id] ? [figures[id].figure.perClass] : [])));
      });
      return cells.every((cell) => cell === '–') ? [] : [[recipe.id, network.name, ...cells]];
    }),
  );
}
