/** The effects that the figures show, with their intervals. They rest on few people and one recipe, so there are no verdicts. */
import { meanOf } from '@carpal/report/scoring/scoring.ts';
import { type Gain, gainOver, type ReadingFigure } from './reading-figure.ts';
import type { CeilingFigure, OverlapFigure } from './truth.ts';

const signed = (share: number): string => `${share < 0 ? '−' : '+'}${Math.abs(share).toFixed(4)}`;

/** `+0.0123 (+0.0100 to +0.0150)` */
export function gainText({ mean, interval }: Gain): string {
  return interval ? `${signed(mean)} (${signed(interval.low)} to ${signed(interval.high)})` : signed(mean);
}

export const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

/** A change, and the readings with it and without it. */
export type Effect = { readonly change: string; readonly changed: string; readonly base: string };

export const EFFECTS: readonly Effect[] = [
  { change: 'training on area targets instead of nearest ones', changed: 'single', base: 'targets-nearest' },
  { change: 'a probability per class (sigmoid) instead of argmax of the same logits', changed: 'single', base: 'decode-argmax' },
  { change: 'crops at a larger scale instead of whole images, as many pixels trained', changed: 'crops', base: 'single' },
  { change: 'Dice + BCE instead of BCE alone', changed: 'single', base: 'loss-bce' },
  { change: 'a flipped view in addition to the image', changed: 'views-flip', base: 'single' },
  { change: 'rotated and scaled views in addition to these', changed: 'views-all', base: 'views-flip' },
  { change: 'a soft vote of all folds instead of one fold', changed: 'vote-soft', base: 'single' },
  { change: 'a soft vote instead of a hard one', changed: 'vote-soft', base: 'vote-hard' },
  { change: 'a threshold per class', changed: 'thresholds', base: 'vote-soft' },
  { change: 'cleaning where it gains out of fold', changed: 'cleaning', base: 'vote-soft' },
  { change: 'a flipped view, thresholds and cleaning together', changed: 'all-levers', base: 'vote-soft' },
];

/** The row of an effect: the change, the readings and the gain. Undefined until both readings are measured. */
export function effectRow({ change, changed, base }: Effect, readings: ReadonlyMap<string, ReadingFigure>): readonly string[] | undefined {
  const [after, before] = [readings.get(changed), readings.get(base)];
  return after && before ? [change, `${changed} − ${base}`, gainText(gainOver(after, before))] : undefined;
}

/** How much area targets raise the ceiling over the other kinds; undefined if nothing was measured. */
export function ceilingText({ imageSize, images, rows }: CeilingFigure): string | undefined {
  const gains = [...new Set(rows.map(({ size }) => size))].flatMap((size) => {
    const diceOf = (kind: string): number | undefined => rows.find((row) => row.size === size && row.kind === kind)?.dice;
    const [area, nearest, floor] = [diceOf('area'), diceOf('nearest'), diceOf('floor')];
    if (area === undefined || nearest === undefined || floor === undefined) return [];
    return [`at ${size} px ${signed(area - nearest)} over nearest and ${signed(area - floor)} over cv2.INTER_NEAREST`];
  });
  if (gains.length === 0) return undefined;
  return `Area targets change the highest possible Dice, on ${images} images of ${imageSize} px: ${gains.join('; ')}.`;
}

/** What crops change for the small carpal bones and for all others; undefined until both readings are measured. */
export function cropsText(readings: ReadonlyMap<string, ReadingFigure>, carpals: readonly number[]): string | undefined {
  const [crops, whole] = [readings.get('crops'), readings.get('single')];
  if (!crops || !whole) return undefined;
  const gains = crops.perClass.map((dice, index) => dice - (whole.perClass[index] ?? 0));
  const others = gains.filter((_, index) => !carpals.includes(index));
  return `Crops change the mean Dice of the carpals by ${signed(meanOf(carpals.map((index) => gains[index] ?? 0)))}, of all other bones by ${signed(meanOf(others))}.`;
}

/** What a perfect answer with one label per pixel loses. */
export function overlapText({ images, sharedOfBone, smallerTakes, largerTakes }: OverlapFigure): string {
  return `The highest Dice of an answer with one label per pixel, on ${images} images: ${smallerTakes.dice.toFixed(4)} if shared pixels belong to the smaller bone, ${largerTakes.dice.toFixed(4)} if they belong to the larger one. ${percent(sharedOfBone)} of the bones' pixels belong to several bones.`;
}
