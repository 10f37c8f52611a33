/** torchvision's names of the parts of a block: the convolution's and, where it differs in more than that, the normalisation's. */
const PARTS: Readonly<Record<string, readonly [convolution: string, normalisation: string]>> = {
  first: ['conv1', 'bn1'],
  second: ['conv2', 'bn2'],
  narrow: ['conv1', 'bn1'],
  middle: ['conv2', 'bn2'],
  widen: ['conv3', 'bn3'],
  shortcut: ['downsample.0', 'downsample.1'],
};

/** torchvision's name of a part of a residual block (layers/residual-blocks.ts); undefined for what is no part of one. */
export function residualPart(part: string, normalises: boolean): string | undefined {
  return PARTS[part]?.[normalises ? 1 : 0];
}

/** torchvision's name of a module of layers/resnet.ts, whose own name begins with `encoder/`; undefined for what is no part of it. */
export function resNetModule(module: string, normalises: boolean): string | undefined {
  if (module === 'encoder/stem') return normalises ? 'bn1' : 'conv1';
  const [, stage, block, part = ''] = /^encoder\/stage(\d)\/(\d+)\/(\w+)$/.exec(module) ?? [];
  const name = residualPart(part, normalises);
  return name === undefined ? undefined : `layer${stage}.${Number(block) - 1}.${name}`;
}
