/** How training steps are compared with PyTorch: the version of the method, and the work that both sides save. */
import type { ModelName } from '@carpal/configs/schema/experiment.ts';

/** Raised when the baseline of training steps changes. Ratios of different versions are not compared. */
export const STEP_METHOD = 2;

export const STEP_METHOD_TEXT = [
  'One training step: forward pass, 0.9 · Dice + 0.1 · BCE, backward pass and AdamW, from a batch of random numbers in memory. carpal runs it as `fold`',
  'does, as a recorded TensorFlow graph. PyTorch runs it in four ways: contiguous and `channels_last` memory, each eager and with `torch.compile` over the',
  'network together with its loss; the optimizer is one fused kernel. The ratio is to the fastest way. Both sides use all cores, and must train the same',
  'number of parameters.',
].join('\n');

/** How the rows without a version were measured. */
export const EARLIER_METHOD =
  'single images only, `torch.compile` of the network without its loss, and only where "All ways of the baselines" shows it; the baseline did not take the shortcuts listed under "Notes".';

/** Ways to compute the same numbers as a published network with less work. `bench/pytorch/shortcuts.py` gives them to PyTorch. */
export const SHORTCUTS = {
  'grey-stem':
    'A first convolution over three input channels sees one grey image: its kernel is summed over these channels, and one channel is convolved.',
  'no-bias-before-norm':
    'Biases of convolutions before batch normalisation are not added, because normalisation removes them. They still count as parameters.',
  'pointwise-before-upsampling':
    'The 1×1 convolution over the joined maps runs on each map before it is interpolated, where the map is small. In SegFormer the linear map of each stage is multiplied into it first.',
} as const;

export type Shortcut = keyof typeof SHORTCUTS;

/** The shortcuts that carpal takes in each network. The baseline must report the same ones. */
const SHORTCUTS_OF: Readonly<Record<ModelName, readonly Shortcut[]>> = {
  UNet: ['grey-stem', 'no-bias-before-norm'],
  SlimUNet: [],
  NestedUNet: ['grey-stem', 'no-bias-before-norm'],
  UNet3Plus: ['grey-stem', 'no-bias-before-norm'],
  FCNResNet50: ['grey-stem'],
  CustomUNet: ['grey-stem', 'no-bias-before-norm'],
  DUCKNet: ['grey-stem'],
  RAPUNet: ['grey-stem'],
  SegFormer: ['grey-stem', 'no-bias-before-norm', 'pointwise-before-upsampling'],
  HRNet: ['grey-stem', 'no-bias-before-norm', 'pointwise-before-upsampling'],
  UNetPlusPlus: ['grey-stem'],
  EncoderUNet: ['grey-stem'],
};

/** The shortcuts of a network; none for a name that is not in the registry. */
export function shortcutsOf(network: string): readonly Shortcut[] {
  return SHORTCUTS_OF[network as ModelName] ?? [];
}
