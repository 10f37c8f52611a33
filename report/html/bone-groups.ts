/** A part of the hand and the classes of it, by index. */
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

/** The classes by part of the hand, in the order in which the parts first occur. Names that are no hand bones come under Others. */
export function boneGroups(classes: readonly string[]): readonly BoneGroup[] {
  const groups = new Map<string, number[]>();
  for (const [index, className] of classes.entries()) {
    const group = groupOf(className);
    groups.set(group, [...(groups.get(group) ?? []), index]);
  }
  return [...groups].map(([name, indexes]) => ({ name, indexes }));
}
