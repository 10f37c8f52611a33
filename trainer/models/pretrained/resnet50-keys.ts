/** torchvision's names of the parts of a block: the convolution's and, where it differs in more than that, the normalisation's. */
const PARTS: Readonly<Record<string, readonly [convolution: string, normalisation: string]>> = {
  narrow: ['conv1', 'bn1'],
  middle: ['conv2', 'bn2'],
  widen: ['conv3', 'bn3'],
  shortcut: ['downsample.0', 'downsample.1'],
};

/** torchvision's name of a module of layers/resnet50.ts, whose own name begins with `encoder/`; undefined for what is no part of it. */
export function resNet50Module(module: string, normalises: boolean): string | undefined {
  const kind = normalises ? 1 : 0;
  if (module === 'encoder/stem') return ['conv1', 'bn1'][kind];
  const [, stage, block, part] = /^encoder\/stage(\d)\/(\d+)\/(\w+)$/.exec(module) ?? [];
  const name = PARTS[part ?? '']?.[kind];
  return name === undefined ? undefined : `layer${stage}.${Number(block) - 1}.${name}`;
}
