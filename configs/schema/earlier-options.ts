/**
 * What version 0.1 wrote and meant otherwise.
 *
 * It had one CustomUNet and no variants of it. Its manifests, weights files and checkpoints name none, and mean today's `improved`,
 * while a new manifest without a variant means `published`.
 */
import type { ModelOptions, ModelSpec } from './experiment.ts';
import { pretrainedSchema } from './pretrained.ts';

const NETWORK = 'CustomUNet';
const BEFORE = 'improved';

/** The options that version 0.1 wrote, with the variant that they meant. Options that name one stay as they are. */
export function optionsSinceEarlier<Options extends ModelOptions>(name: string, options: Options): Options {
  return name === NETWORK ? { variant: BEFORE, ...options } : options;
}

type Pretrained = NonNullable<ModelSpec['pretrained']>;
type EarlierModel = Omit<ModelSpec, 'pretrained'> & { readonly pretrained?: Partial<Pretrained> | undefined };

/**
 * The network as version 0.1 wrote it, if version 0.1 had it; otherwise unchanged. The fingerprints of its checkpoints contain this.
 * Version 0.1 trained a pretrained encoder like the rest of the network and had no fields for it.
 */
export function modelInEarlierForm(model: ModelSpec): EarlierModel {
  const { pretrained } = model;
  if (pretrained && isTrainedLikeTheRest(pretrained)) return { ...model, pretrained: { uri: pretrained.uri } };
  if (model.name !== NETWORK || model.options.variant !== BEFORE) return model;
  const { variant: _variant, ...options } = model.options;
  return { ...model, options };
}

const isTrainedLikeTheRest = ({ learningRateFactor, layerDecay, frozenEpochs }: Pretrained): boolean =>
  learningRateFactor === 1 && layerDecay === 1 && frozenEpochs === 0;

/**
 * `now`, a manifest with its defaults, as the continuation of an experiment that began as `started`: it keeps the variant that version 0.1
 * gave it. Both are returned with their variants, and with all fields of a pretrained encoder.
 */
export function continuedSinceEarlier<Spec extends { readonly model: ModelSpec }>(started: Spec, now: Spec): { begun: Spec; now: Spec } {
  const { pretrained } = started.model;
  const begun = pretrained ? { ...started, model: { ...started.model, pretrained: pretrainedSchema.parse(pretrained) } } : started;
  const isEarlier = begun.model.name === NETWORK && begun.model.options.variant === undefined;
  if (!isEarlier || now.model.name !== NETWORK) return { begun, now };
  const named = (spec: Spec): Spec => ({ ...spec, model: { ...spec.model, options: { ...spec.model.options, variant: BEFORE } } });
  return { begun: named(begun), now: named(now) };
}
