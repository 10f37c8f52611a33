import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';

/**
 * For each kind of view outside of what the augmentations trained, one sentence that says so. Such a view lowers the result: the network
 * has never seen bones in that position or of that size. flipHorizontal is never reported, because data sets hold left and right hands.
 */
export function untrainedViews({ inference, augmentations }: Pick<ExperimentSpec, 'inference' | 'augmentations'>): string[] {
  const { tta, ttaDegrees, ttaScale } = inference;
  const used = augmentations.filter(({ probability }) => probability > 0);
  const sumOf = (field: 'degrees' | 'scale'): number => used.reduce((sum, entry) => sum + (entry[field] ?? 0), 0);
  const [degrees, scale] = [sumOf('degrees'), sumOf('scale')];
  const magnifies = used.some(({ name }) => name === 'wristCrop');
  const warnings: string[] = [];
  const add = (kinds: readonly string[], what: string, why: string): void => {
    const views = tta.filter((view) => kinds.includes(view)).join(', ');
    if (views !== '')
      warnings.push(`inference.tta: the network is not trained on views ${what} (${views}), which can lower the result: ${why}`);
  };
  if (ttaDegrees > degrees) {
    const why = degrees === 0 ? 'no augmentation turns images' : `augmentations turn images by at most ${degrees}°`;
    add(['rotateLeft', 'rotateRight'], `turned by ${ttaDegrees}°`, why);
  }
  if (ttaScale > scale) {
    const why = scale === 0 ? 'no augmentation changes the size' : `augmentations change the size by at most ${percent(scale)}`;
    add(['scaleDown', ...(magnifies ? [] : ['scaleUp'])], `at a size changed by ${percent(ttaScale)}`, why);
  }
  if (degrees < 180) add(['flipVertical'], 'upside down', 'augmentations do not turn images so far');
  return warnings;
}

const percent = (share: number): string => `${Number((share * 100).toFixed(1))} %`;
