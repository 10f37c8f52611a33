/** A part of the hand with the indexes of its classes. */
export type BoneGroup = { readonly name: string; readonly indexes: readonly number[] };

const FINGERS = [
  ['Thumb', 1, 3],
  ['Index finger', 4, 7],
  ['Middle finger', 8, 11],
  ['Ring finger', 12, 15],
  ['Little finger', 16, 19],
] as const;
const CARPALS = new Set(['Trapezium', 'Trapezoid', 'Capitate', 'Hamate', 'Scaphoid', 'Lunate', 'Triquetrum', 'Pisiform']);
const ARM = new Set(['Radius', 'Ulna']);

function groupOf(className: string): string {
  const number = Number(/^finger-(\d+)$/.exec(className)?.[1] ?? Number.NaN);
  const finger = FINGERS.find(([, first, last]) => number >= first && number <= last);
  if (finger) return finger[0];
  if (CARPALS.has(className)) return 'Carpals';
  return ARM.has(className) ? 'Arm' : 'Others';
}

/** Groups the classes by part of the hand, in order of first appearance. Names that are not hand bones go to the group Others. */
export function boneGroups(classes: readonly string[]): readonly BoneGroup[] {
  const groups = new Map<string, number[]>();
  for (const [index, className] of classes.entries()) {
    const group = groupOf(className);
    groups.set(group, [...(groups.get(group) ?? []), index]);
  }
  return [...groups].map(([name, indexes]) => ({ name, indexes }));
}

/**
 * One colour per class, in class order, chosen to be distinguishable on a dark radiograph. Each finger has its own range of hues (thumb
 * red, index yellow, middle green, ring cyan, little pink), lightest at the tip. The carpals touch and overlap, so their colours are far
 * apart. The pairwise distances in OKLab are at least 0.11; a search found them.
 */
export const CLASS_COLOURS = [
  ...['#fc6470', '#b46067', '#e21c0e'],
  ...['#feec19', '#f9d08f', '#bdb468', '#987416'],
  ...['#adfbae', '#16fb66', '#8fcd0a', '#14b612'],
  ...['#28fdfb', '#3dd1fe', '#03b1b3', '#0288a8'],
  ...['#fac6fe', '#fe8df7', '#d74af5', '#8668b7'],
  ...['#20a4f9', '#5ad7a9', '#f8a097', '#ea0999', '#b1a7f4', '#963efa', '#489357', '#c876b4'],
  ...['#346cfe', '#f08701'],
] as const;

/** The colour of class `index`. Colours repeat if there are more classes than colours. */
export function classColour(index: number): string {
  return CLASS_COLOURS[index % CLASS_COLOURS.length] ?? '#ffffff';
}
