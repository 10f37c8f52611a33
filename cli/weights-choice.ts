import { CarpalError } from '@carpal/configs/errors.ts';
import type { WeightsChoice } from '@carpal/trainer/infer/networks.ts';

/**
 * `PATH` or `PATH=WEIGHT` of --weights; the weight is what follows the last equals sign, unless a folder's slash does. Throws usage-invalid
 * for a weight that is no finite number above 0.
 */
export function weightsChoice(text: string): WeightsChoice {
  const [, path, written] = /^(.*)=([^=/\\]*)$/s.exec(text) ?? [];
  if (path === undefined || written === undefined) return { path: text, weight: 1 };
  const weight = Number(written);
  const fix = 'Give a number above 0, such as best.safetensors=2; for a path that itself has an equals sign write PATH=1.';
  if (path === '') throw new CarpalError('usage-invalid', `"${text}" names no weights`, { where: '--weights', fix });
  if (written.trim() !== '' && Number.isFinite(weight) && weight > 0) return { path, weight };
  throw new CarpalError('usage-invalid', `"${written}" is no weight for ${path}`, { where: '--weights', fix });
}
