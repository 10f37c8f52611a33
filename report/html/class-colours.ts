/**
 * One colour a class, in class order, told apart on a dark radiograph: each finger keeps to one part of the colour circle (thumb red, index
 * yellow, middle green, ring cyan, little pink), lightest at the tip; the carpals, which touch and overlap, lie far from each other.
 * The pairwise distances in OKLab are at least 0.11, found by search.
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

/** The colour of class `index`; a list of more classes begins again. */
export function classColour(index: number): string {
  return CLASS_COLOURS[index % CLASS_COLOURS.length] ?? '#ffffff';
}

export type Rgb = readonly [red: number, green: number, blue: number];

/** `#rrggbb` as three bytes. */
export function rgbOf(colour: string): Rgb {
  const value = Number.parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
