/** Colours of folds and of runs, told apart on light and on dark ground. */
const COLOURS = ['#3b82f6', '#f59e0b', '#10b981', '#ef4444', '#a855f7', '#06b6d4', '#ec4899', '#84cc16'];

/** The colour of the fold or run at a place; more than eight begin again. */
export const runColour = (index: number): string => COLOURS[index % COLOURS.length] ?? '#888888';
