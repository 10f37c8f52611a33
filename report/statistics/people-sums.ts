/** What is known of one person: how many images, and for each figure its sum over them. */
export type PersonSums = { readonly images: number; readonly sums: Float64Array };

/**
 * Sums by person, in order of their names, so that neither the order of images nor that of folds changes what is drawn from them.
 * `figuresOf` gives an image's figures; all images have as many.
 */
export function sumsByPerson<Image extends { readonly group: string }>(
  images: readonly Image[],
  figuresOf: (image: Image) => readonly number[],
): PersonSums[] {
  const people = new Map<string, { images: number; sums: Float64Array }>();
  for (const image of images) {
    const figures = figuresOf(image);
    const person = people.get(image.group) ?? { images: 0, sums: new Float64Array(figures.length) };
    person.images += 1;
    for (const [index, figure] of figures.entries()) person.sums[index] = (person.sums[index] ?? 0) + figure;
    people.set(image.group, person);
  }
  return [...people].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, person]) => person);
}

/** The mean of each figure over all images; none of no people. */
export function meansOf(people: readonly PersonSums[]): number[] {
  const images = people.reduce((sum, person) => sum + person.images, 0);
  return Array.from(people[0]?.sums ?? [], (_, index) => people.reduce((sum, { sums }) => sum + (sums[index] ?? 0), 0) / images);
}
