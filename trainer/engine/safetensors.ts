/**
 * The safetensors file format (version 0.x, github.com/huggingface/safetensors): eight bytes with the length of the header, a JSON header
 * with the type, shape and position of each array, then the values, little-endian and without gaps. Nothing in such a file can run code.
 */
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import { isRecord } from '@carpal/configs/json.ts';
import { type NamedArray, type NamedArrays, valueCount } from './named-arrays.ts';

export type SafetensorsFile = { readonly arrays: NamedArrays; readonly metadata: Readonly<Record<string, string>> };

/** Headers of networks have less than a megabyte. The limits of what a header may contain keep a small hostile file from filling the memory. */
const HEADER_LIMIT = 10_000_000;
const MOST_ARRAYS = 50_000;
const MOST_METADATA = 1000;
const METADATA = '__metadata__';

/** The types of arrays that can be read: bytes per value, and how the values become float32. All values of the 16-bit types are exact. */
const TYPES: Readonly<Record<string, { readonly width: number; readonly toFloat32: (bytes: ArrayBuffer) => Float32Array<ArrayBuffer> }>> = {
  F32: { width: 4, toFloat32: (bytes) => new Float32Array(bytes) },
  F16: { width: 2, toFloat32: (bytes) => new Float32Array(new Float16Array(bytes)) },
  // The upper half of a float32.
  BF16: { width: 2, toFloat32: (bytes) => new Float32Array(Uint32Array.from(new Uint16Array(bytes), (half) => half * 0x1_00_00).buffer) },
};

/** The bytes of a safetensors file. The values begin at a multiple of eight bytes. The result is the same for the same input. */
export function encodeSafetensors(arrays: NamedArrays, metadata: Readonly<Record<string, string>> = {}): Buffer {
  // Without a prototype, so that any name, even __proto__, is an ordinary key.
  const header = Object.create(null) as Record<string, unknown>;
  if (Object.keys(metadata).length > 0) header[METADATA] = metadata;
  let end = 0;
  for (const [name, { shape, data }] of arrays) {
    if (valueCount(shape) !== data.length) throw new Error(`${name} has ${data.length} values for shape [${shape.join(', ')}]`);
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const file = Buffer.alloc(8 + headerLength + end, ' ');
  file.writeBigUInt64LE(BigInt(headerLength));
  json.copy(file, 8);
  let at = 8 + headerLength;
  for (const { data } of arrays.values()) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

/**
 * The arrays and metadata of a safetensors file; the arrays are copies. float16 and bfloat16 become float32. The file is not trusted:
 * lengths, counts, offsets, shapes and types are checked before any array is allocated, the arrays must cover the data exactly once, and no
 * name may appear twice. So the arrays need at most twice the memory of the file. Throws `weights-invalid` otherwise; `where` is the file, for the message. Arrays that `ignored` selects are left out and may have any type (other programs store
 * counters).
 */
export function decodeSafetensors(bytes: Uint8Array, where?: string, ignored: (name: string) => boolean = () => false): SafetensorsFile {
  const invalid = (what: string): CarpalError => new CarpalError('weights-invalid', what, where === undefined ? {} : { where });
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 8) throw invalid(`the file has ${file.length} bytes; a safetensors file has at least 10`);
  const length = file.readBigUInt64LE();
  if (length > HEADER_LIMIT || Number(length) > file.length - 8)
    throw invalid(`the header claims ${length} bytes, the file has ${file.length}`);
  const start = 8 + Number(length);
  const { [METADATA]: metadata = {}, ...entries } = readHeader(file.subarray(8, start), invalid);
  if (!isStringRecord(metadata)) throw invalid(`${METADATA} is not a record of strings`);
  const [texts, count] = [Object.keys(metadata).length, Object.keys(entries).length];
  if (texts > MOST_METADATA) throw invalid(`${METADATA} has ${texts} texts; at most ${MOST_METADATA} are allowed`);
  if (count > MOST_ARRAYS) throw invalid(`the file has ${count} arrays; at most ${MOST_ARRAYS} are allowed`);

  const positions = Object.entries(entries).map(([name, entry]) => {
    const position = checkPosition(name, entry, file.length - start, invalid);
    return { name, ...position, type: ignored(name) ? undefined : typeOf(name, position, invalid) };
  });
  let covered = 0;
  for (const { name, begin, end } of [...positions].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) throw invalid(`${name} begins at byte ${begin} of the data, expected byte ${covered}`);
    covered = end;
  }
  if (covered !== file.length - start) throw invalid(`the arrays cover ${covered} of ${file.length - start} bytes of data`);

  const arrays = new Map<string, NamedArray>();
  for (const { name, shape, begin, end, type } of positions) {
    if (type === undefined) continue;
    const bytes = new Uint8Array(end - begin);
    bytes.set(file.subarray(start + begin, start + end));
    arrays.set(name, { shape, data: type.toFloat32(bytes.buffer) });
  }
  return { arrays, metadata };
}

type Invalid = (what: string) => CarpalError;

function readHeader(json: Buffer, invalid: Invalid): Record<string, unknown> {
  if (json[0] !== 0x7b) throw invalid('the header is not a JSON object');
  try {
    return parseUniqueJson(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (cause) {
    throw invalid(`the header cannot be read: ${messageOf(cause)}`);
  }
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((entry) => typeof entry === 'string');
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

type Position = { readonly shape: number[]; readonly begin: number; readonly end: number; readonly dtype: unknown };

/** The type of an array whose bytes fit its shape. */
function typeOf(name: string, { shape, begin, end, dtype }: Position, invalid: Invalid): (typeof TYPES)[string] {
  const type = typeof dtype === 'string' && Object.hasOwn(TYPES, dtype) ? TYPES[dtype] : undefined;
  if (!type) throw invalid(`${name} has type ${shown(dtype)}; only ${Object.keys(TYPES).join(', ')} are supported`);
  if (valueCount(shape) * type.width !== end - begin) throw invalid(`${name} has ${end - begin} bytes for shape [${shape.join(', ')}]`);
  return type;
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'none').slice(0, 40);

/** Checks the position of an array of any type. */
function checkPosition(name: string, entry: unknown, dataLength: number, invalid: Invalid): Position {
  if (!isRecord(entry)) throw invalid(`${name} is not an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every(isCount)) throw invalid(`${name} has an unusable shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) throw invalid(`${name} has unusable data_offsets`);
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataLength) throw invalid(`${name} is at bytes ${begin} to ${end} of ${dataLength}`);
  return { shape, begin, end, dtype };
}

/** The JSON tokens that decide which strings are names: strings, brackets, colons and commas. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g;

/**
 * JSON.parse for an object without repeated names, at any depth. JSON.parse silently keeps the last of two equal names and other readers
 * keep the first; a file must not have two meanings. Throws SyntaxError for text that is not a JSON object or repeats a name.
 */
function parseUniqueJson(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('not a JSON object');
  refuseRepeatedNames(text);
  return value as Record<string, unknown>;
}

/** The deepest valid header is an array in an object in an object. */
const DEEPEST = 3;

/** `text` must be valid JSON: then a string before a colon is a name of the innermost object. */
function refuseRepeatedNames(text: string): void {
  const names: Set<string>[] = [];
  let previous = '';
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') names.push(new Set());
    if (names.length > DEEPEST) throw new SyntaxError('it is nested too deeply');
    if (token === '}' || token === ']') names.pop();
    else if (token === ':') {
      const name = JSON.parse(previous) as string;
      const seen = names.at(-1);
      if (seen?.has(name)) throw new SyntaxError(`the name ${JSON.stringify(name)} appears twice`);
      seen?.add(name);
    }
    previous = token;
  }
}
