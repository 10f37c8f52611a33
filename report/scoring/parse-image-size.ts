import { CarpalError } from '@carpal/configs/errors.ts';
import { MAX_SIDE } from '@carpal/masks/image-size.ts';
import type { ImageSize } from './truth-folder.ts';

/** `2048` or `1344x1573` as a size; usage-invalid for anything else. */
export function parseImageSize(text: string): ImageSize {
  const match = /^(\d{1,5})(?:[x×](\d{1,5}))?$/.exec(text);
  const width = Number(match?.[1]);
  const height = Number(match?.[2] ?? match?.[1]);
  if (!match || width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE) {
    throw new CarpalError('usage-invalid', `"${text}" is no size of a sheet`, {
      where: '--size',
      fix: 'Write 2048, or width and height as 1344x1573.',
    });
  }
  return { width, height };
}
