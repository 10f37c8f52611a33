import type { Random } from '@carpal/masks/random.ts';
import { IMAGE_UNITS } from './anatomy.ts';
import type { Hand } from './hand.ts';
import { personFolder } from './person.ts';
import { pixelContour } from './pixel-contour.ts';

/** One bone of an annotation: its dense contour in pixels of the PNG. */
export type BoneAnnotation = {
  readonly id: string;
  readonly type: 'poly_seg';
  readonly attributes: Record<string, never>;
  readonly points: readonly (readonly [number, number])[];
  readonly label: string;
};

/**
 * An annotation file with the keys of the data set. As in the organiser's files, `metadata` has the size of the exposure, not of the PNG.
 */
export type AnnotationDocument = {
  readonly annotations: readonly BoneAnnotation[];
  readonly attributes: Record<string, never>;
  readonly file_id: string;
  readonly filename: string;
  readonly parent_path: string;
  readonly last_modifier_id: string;
  readonly metadata: { readonly height: number; readonly width: number };
  readonly last_workers: string;
};

/** The annotation of a hand drawn at `size` × `size` pixels, for the image `name` (without extension). */
export function annotationDocument(hand: Hand, size: number, name: string, random: Random): AnnotationDocument {
  return {
    annotations: hand.bones.map((bone) => ({
      id: `30-${randomUuid(random)}`,
      type: 'poly_seg',
      attributes: {},
      points: pointPairs(pixelContour(bone.outline, IMAGE_UNITS / size, size)),
      label: bone.name,
    })),
    attributes: {},
    file_id: randomUuid(random).replaceAll('-', '').slice(0, 24),
    filename: `${name}.jpg`,
    parent_path: `/X-ray_PHANTOM/${personFolder(hand.person)}`,
    last_modifier_id: randomUuid(random),
    metadata: { height: 3060, width: 3060 },
    last_workers: randomUuid(random),
  };
}

function pointPairs(contour: Int32Array): [number, number][] {
  return Array.from({ length: contour.length / 2 }, (_, index) => [contour[2 * index] as number, contour[2 * index + 1] as number]);
}

/** A version 4 UUID from the given generator, so that the same seed gives the same files. */
function randomUuid(random: Random): string {
  const digits = Array.from({ length: 32 }, (_, index) => {
    if (index === 12) return '4';
    return (index === 16 ? 8 + random.integer(4) : random.integer(16)).toString(16);
  }).join('');
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join('-');
}
