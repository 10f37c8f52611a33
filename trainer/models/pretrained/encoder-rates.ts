import type { ModelSpec } from '@carpal/configs/schema/experiment.ts';

/** What a manifest says about the training of a pretrained encoder. */
export type EncoderTraining = Pick<NonNullable<ModelSpec['pretrained']>, 'learningRateFactor' | 'layerDecay' | 'frozenEpochs'>;

/** The variables of an encoder have names that begin with this. The convolution before the head of FCNResNet50 is not one of them. */
const ENCODER = 'encoder/';

/**
 * The stage of an encoder's variable: 0 for the stem, then 1, 2, … in the order of the network. The branches that HRNet adds before a stage
 * (`join3`) belong to that stage. An encoder whose first stage begins with its stem (CAFormer, the mix transformer) has no stage 0. Throws
 * a TypeError for a name without a stage, because a wrong rate would not be noticed.
 */
export function encoderStage(name: string): number {
  const [, place, number] = /^encoder\/(stem|stage|join)(\d*)\//.exec(name) ?? [];
  if (place === 'stem') return 0;
  if (place === undefined || number === '') throw new TypeError(`the name ${name} has no stage of the encoder`);
  return Number(number);
}

/**
 * The factors of the learning rates of a network's encoder, by variable. They depend only on the names of its variables, so a resumed fold
 * finds the same ones without the file of the weights. Empty if the encoder is trained like the rest of the network.
 *
 * A stage at distance d from the head (1 for the last stage) has the factor learningRateFactor·layerDecay^d: the layer-wise decay with which
 * ConvNeXt and BEiT are fine-tuned, with a stage in place of a layer.
 */
export function encoderRateFactors(names: readonly string[], training: EncoderTraining | undefined): ReadonlyMap<string, number> {
  const { learningRateFactor = 1, layerDecay = 1, frozenEpochs = 0 } = training ?? {};
  if (learningRateFactor === 1 && layerDecay === 1 && frozenEpochs === 0) return new Map();
  const stages = new Map(names.filter((name) => name.startsWith(ENCODER)).map((name) => [name, encoderStage(name)]));
  const head = Math.max(...stages.values()) + 1;
  return new Map([...stages].map(([name, stage]) => [name, learningRateFactor * layerDecay ** (head - stage)]));
}
