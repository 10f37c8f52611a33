import { type NamedArray, type NamedArrays, valueCount } from '../../engine/named-arrays.ts';
import { mismatch } from '../../engine/variables.ts';
import type { ModelVariable } from '../layers/variables.ts';

/** The last part of a variable's name, and PyTorch's name for it. */
const PARTS: Readonly<Record<string, string>> = {
  kernel: 'weight',
  bias: 'bias',
  gamma: 'weight',
  beta: 'bias',
  scale: 'scale',
  layerScale: 'layer_scale',
  movingMean: 'running_mean',
  movingVariance: 'running_var',
};

/** PyTorch's name of the module of a variable. `normalises` is true for the normalisation of a layer, false for its convolution. */
export type ModuleName = (module: string, normalises: boolean) => string | undefined;

/** The key of a variable in a PyTorch state; undefined if `moduleName` does not know the variable. */
export function pytorchKey(variable: string, moduleName: ModuleName): string | undefined {
  const [, module, part] = /^(.*)\/([^/]+)$/.exec(variable) ?? [];
  const ending = PARTS[part ?? ''];
  if (module === undefined || ending === undefined) return undefined;
  const name = moduleName(module, part !== 'kernel' && part !== 'bias');
  return name === undefined ? undefined : `${name}.${ending}`;
}

/**
 * The arrays of a PyTorch state for the variables that `moduleName` knows, keyed by variable name, in carpal's layout. CarpalError
 * `weights-mismatch` names a key that is missing or of another shape; `where` is the file.
 */
export function fromPyTorch(variables: readonly ModelVariable[], state: NamedArrays, moduleName: ModuleName, where?: string): NamedArrays {
  return new Map(
    variables.flatMap(({ name, variable }): [string, NamedArray][] => {
      const key = pytorchKey(name, moduleName);
      if (key === undefined) return [];
      const given = state.get(key);
      if (!given) throw mismatch(`array ${key}, needed for ${name}, is missing`, where);
      const turned = inOurLayout(given, variable.shape);
      if (turned.shape.join() !== variable.shape.join()) {
        const wanted = pytorchShape(variable.shape);
        throw mismatch(`${key} has shape [${given.shape.join(', ')}], expected [${wanted.join(', ')}] for ${name}`, where);
      }
      return [[name, turned]];
    }),
  );
}

/**
 * PyTorch's shape of a variable: convolutions `[out, in, height, width]`, transposed convolutions `[in, out, height, width]`, depthwise
 * convolutions `[channels, 1, height, width]`, matrices transposed.
 */
function pytorchShape(shape: readonly number[]): number[] {
  const [height = 0, width = 0, from = 0, to = 0] = shape;
  if (shape.length === 4 && to === 1) return [from, 1, height, width];
  return shape.length === 4 ? [to, from, height, width] : [...shape].reverse();
}

/**
 * A kernel `[a, b, height, width]` as `[height, width, b, a]`, a matrix transposed, an array `[n, 1, 1]` as `[n]`, any other array unchanged. A kernel of one pixel becomes
 * a matrix, and a kernel `[channels, 1, height, width]` a depthwise one `[height, width, channels, 1]`, if `wanted` is of that form.
 */
function inOurLayout({ shape, data }: NamedArray, wanted: readonly number[]): NamedArray {
  if (shape.length === 3 && shape[1] === 1 && shape[2] === 1) return { shape: shape.slice(0, 1), data };
  if (shape.length !== 4 && shape.length !== 2) return { shape, data };
  const [outer = 0, inner = 0, height = 1, width = 1] = shape;
  const turned = new Float32Array(valueCount(shape));
  let read = 0;
  for (let a = 0; a < outer; a++) {
    for (let b = 0; b < inner; b++) {
      for (let place = 0; place < height * width; place++) turned[(place * inner + b) * outer + a] = data[read++] as number;
    }
  }
  const isMatrix = shape.length === 2 || (wanted.length === 2 && height * width === 1);
  if (isMatrix) return { shape: [inner, outer], data: turned };
  // The order of the values is the same.
  const isDepthwise = inner === 1 && wanted[2] === outer && wanted[3] === 1;
  return { shape: isDepthwise ? [height, width, outer, 1] : [height, width, inner, outer], data: turned };
}
