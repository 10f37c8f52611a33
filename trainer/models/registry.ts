import { CarpalError } from '@carpal/configs/errors.ts';
import type { Model, ModelBuild, ModelOptions } from './model.ts';
import { buildSlimUNet } from './slim-unet.ts';
import { buildUNet } from './unet.ts';

/** A network that experiments may name. */
export type ModelEntry = {
  readonly name: string;
  readonly summary: string;
  /** The options that it takes. */
  readonly options: readonly (keyof ModelOptions)[];
  readonly build: (build: ModelBuild) => Model;
};

export const MODELS: readonly ModelEntry[] = [
  { name: 'UNet', summary: "the original's U-Net, 64 to 512 channels", options: [], build: buildUNet },
  { name: 'SlimUNet', summary: 'a U-Net of any width and depth, for small machines', options: ['width', 'depth'], build: buildSlimUNet },
];

/**
 * The network `name` with fresh weights. CarpalError `model-unknown` for a name that is not in the table, `manifest-invalid` for an option
 * that the network does not take.
 */
export function buildModel({
  name,
  options = {},
  classes,
  seed,
}: {
  name: string;
  options?: ModelOptions;
  classes: number;
  seed: number;
}): Model {
  const entry = MODELS.find((model) => model.name === name);
  if (!entry)
    throw new CarpalError('model-unknown', `there is no network "${name}"; there are ${MODELS.map((model) => model.name).join(', ')}`);
  const strange = Object.keys(options).filter((option) => !entry.options.includes(option as keyof ModelOptions));
  if (strange.length > 0) {
    throw new CarpalError('manifest-invalid', `${name} does not take ${strange.join(', ')}`, { where: 'spec.model.options' });
  }
  return entry.build({ options, classes, seed });
}
