/** A class with a lower mean Dice has not been learnt: a bone that is found at all scores several times as much. */
const DEAD_DICE = 0.05;

/** Names of classes in a warning; the rest is counted. */
const MOST_NAMES = 12;

/** The figures of a class over out-of-fold images. */
export type ClassFigures = { readonly dice: number; readonly truePixels: number };

/** The classes that were not learnt: they have pixels, and a mean out-of-fold Dice under 0.05. */
export function deadClasses(classes: readonly string[], figures: readonly ClassFigures[]): string[] {
  return classes.filter((_, index) => {
    const own = figures[index];
    return own !== undefined && own.truePixels > 0 && own.dice < DEAD_DICE;
  });
}

/** A warning about these classes; undefined if there are none. */
export function deadClassWarning(dead: readonly string[]): string | undefined {
  if (dead.length === 0) return undefined;
  const more = dead.length > MOST_NAMES ? ` and ${dead.length - MOST_NAMES} more` : '';
  const names = `${dead.slice(0, MOST_NAMES).join(', ')}${more}`;
  return `${dead.length} ${dead.length === 1 ? 'class has' : 'classes have'} an out-of-fold Dice under ${DEAD_DICE}: ${names}. Train longer, or with another loss or learning rate.`;
}
