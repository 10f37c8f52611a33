import { describe, expect, it } from 'vitest';
import { suspects } from './suspects.ts';
import { scoredImages } from './testing/scored-images.ts';

const classes = ['first', 'second', 'third'];
const images = scoredImages({ people: 20 });

/** The images with one Dice replaced. */
const withDice = (imageIndex: number, classIndex: number, dice: number) =>
  images.map((image, index) => (index === imageIndex ? { ...image, perClass: image.perClass.with(classIndex, dice) } : image));

describe('suspects', () => {
  it('finds the annotation that is at odds with its mask, and how unusual it is', () => {
    const [first] = suspects({ classes, images: withDice(7, 2, 0.1) });
    const { imageName, group, fold } = images[7] ?? {};
    expect(first).toMatchObject({ imageName, group, fold, classIndex: 2, dice: 0.1 });
    expect(first?.usual).toBeGreaterThan(0.7);
    expect(first?.deviations).toBeGreaterThan(3);
  });

  it('does not suspect a class that the network finds in no image', () => {
    const dead = images.map((image) => ({ ...image, perClass: image.perClass.with(0, 0) }));
    expect(suspects({ classes, images: dead }).filter(({ classIndex }) => classIndex === 0)).toEqual([]);
  });

  it('does not suspect differences of some pixels in a class that the network masters', () => {
    const mastered = images.map((image, index) => ({ ...image, perClass: [0.99 - index / 10_000, 0.99, 0.99] }));
    expect(suspects({ classes, images: mastered })).toEqual([]);
    expect(
      suspects({ classes, images: mastered.with(3, { ...(mastered[3] as (typeof mastered)[0]), perClass: [0.9, 0.99, 0.99] }) }),
    ).toHaveLength(1);
  });

  it('sorts by the drop below the usual Dice', () => {
    const both = withDice(7, 2, 0.1).map((image, index) => (index === 9 ? { ...image, perClass: image.perClass.with(0, 0.3) } : image));
    expect(suspects({ classes, images: both }).map(({ imageName, classIndex }) => [imageName, classIndex])).toEqual([
      [images[7]?.imageName, 2],
      [images[9]?.imageName, 0],
    ]);
  });

  it('has none in a run without images', () => {
    expect(suspects({ classes, images: [] })).toEqual([]);
  });
});
