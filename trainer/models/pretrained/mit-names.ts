/** The names of the mix transformer (models/mix-transformer.ts) in the files of its authors and of Hugging Face. */
import type { NamedArray, NamedArrays } from '../../engine/named-arrays.ts';
import type { ModuleName } from './pytorch-arrays.ts';

/** How a publisher names the modules. Stages and blocks count from 0. */
type MitNames = {
  /** The modules of a stage outside of its blocks. */
  readonly stage: (stage: number) => Readonly<Record<string, string>>;
  readonly block: (stage: number, block: number) => string;
  /** The modules of a block. */
  readonly parts: Readonly<Record<string, string>>;
};

const mixTransformerNames =
  (prefix: string, { stage: stageNames, block: blockName, parts }: MitNames): ModuleName =>
  (module) => {
    const [, number, place = ''] = /^encoder\/stage(\d)\/(.+)$/.exec(module) ?? [];
    const stage = Number(number) - 1;
    const ofStage = stageNames(stage)[place];
    if (ofStage !== undefined) return `${prefix}${ofStage}`;
    const [, block, path = ''] = /^(\d+)\/(.+)$/.exec(place) ?? [];
    const part = parts[path];
    return part === undefined ? undefined : `${prefix}${blockName(stage, Number(block) - 1)}.${part}`;
  };

const AUTHORS: MitNames = {
  stage: (stage) => ({
    patches: `patch_embed${stage + 1}.proj`,
    'patches/norm': `patch_embed${stage + 1}.norm`,
    norm: `norm${stage + 1}`,
  }),
  block: (stage, block) => `block${stage + 1}.${block}`,
  parts: {
    'attention/norm1': 'norm1',
    'attention/query': 'attn.q',
    'attention/keyValue': 'attn.kv',
    'attention/shrink': 'attn.sr',
    'attention/norm': 'attn.norm',
    'attention/merge': 'attn.proj',
    'ffn/norm2': 'norm2',
    'ffn/widen': 'mlp.fc1',
    'ffn/depthwise': 'mlp.dwconv.dwconv',
    'ffn/narrow': 'mlp.fc2',
  },
};

/** The name of the array in which `withKeysAndValues` joins two. */
const KEY_AND_VALUE = 'attention.self.key+value';

const HUGGING_FACE: MitNames = {
  stage: (stage) => ({
    patches: `patch_embeddings.${stage}.proj`,
    'patches/norm': `patch_embeddings.${stage}.layer_norm`,
    norm: `layer_norm.${stage}`,
  }),
  block: (stage, block) => `block.${stage}.${block}`,
  parts: {
    'attention/norm1': 'layer_norm_1',
    'attention/query': 'attention.self.query',
    'attention/keyValue': KEY_AND_VALUE,
    'attention/shrink': 'attention.self.sr',
    'attention/norm': 'attention.self.layer_norm',
    'attention/merge': 'attention.output.dense',
    'ffn/norm2': 'layer_norm_2',
    'ffn/widen': 'mlp.dense1',
    'ffn/depthwise': 'mlp.dwconv.dwconv',
    'ffn/narrow': 'mlp.dense2',
  },
};

/**
 * The arrays of a file in which the linear maps to keys and to values are one, as the authors have them: first the keys. Hugging Face's
 * files have two. Other arrays stay as they are.
 */
export function withKeysAndValues(arrays: NamedArrays): NamedArrays {
  const joined: NamedArrays = new Map(arrays);
  for (const [key, keys] of arrays) {
    const [, before, ending] = /^(.*\.)attention\.self\.key(\.\w+)$/.exec(key) ?? [];
    const value = `${before}attention.self.value${ending}`;
    const values = arrays.get(value);
    if (before === undefined || !values) continue;
    joined.delete(key);
    joined.delete(value);
    joined.set(`${before}${KEY_AND_VALUE}${ending}`, stacked(keys, values));
  }
  return joined;
}

/** Two arrays of one shape, one after the other along the first axis. */
function stacked(first: NamedArray, second: NamedArray): NamedArray {
  const data = new Float32Array(first.data.length + second.data.length);
  data.set(first.data);
  data.set(second.data, first.data.length);
  const [outer = 0, ...rest] = first.shape;
  return { shape: [outer + (second.shape[0] ?? 0), ...rest], data };
}

/** The classifier of whole images, and the decoder of a whole SegFormer, whose classes are others. */
const REST = /^(head|classifier|decode_head)\./;

type MitFile = { readonly moduleName: ModuleName; readonly ignored: RegExp };

/**
 * A file of the authors is an encoder (`mit_b0`) or a whole SegFormer, whose encoder is below `backbone.`. A file of Hugging Face has its
 * encoder below `encoder.`, and with a head below `segformer.encoder.`.
 */
export const MIT_NAMES: readonly [MitFile, ...MitFile[]] = [
  { moduleName: mixTransformerNames('', AUTHORS), ignored: REST },
  { moduleName: mixTransformerNames('backbone.', AUTHORS), ignored: REST },
  { moduleName: mixTransformerNames('segformer.encoder.', HUGGING_FACE), ignored: REST },
  { moduleName: mixTransformerNames('encoder.', HUGGING_FACE), ignored: REST },
];
