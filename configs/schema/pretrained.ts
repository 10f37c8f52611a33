import { z } from 'zod';

/** The first weights of an encoder, and how it is trained from there. */
export const pretrainedSchema = z.object({
  // A safetensors file.
  uri: z.string().min(1).max(1024),
  // The learning rate of the encoder, as a factor of the rate of the rest; 0 keeps the encoder as it is.
  learningRateFactor: z.number().min(0).max(1).default(1),
  // The learning rate of each stage, as a factor of the next stage's; what follows the last stage is the rest of the network.
  layerDecay: z.number().gt(0).max(1).default(1),
  // The encoder's weights stay the same for this many epochs at the start.
  frozenEpochs: z.int().min(0).max(10_000).default(0),
});
