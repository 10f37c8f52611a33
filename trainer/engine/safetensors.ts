/**
 * The safetensors file format (version 0.x, github.com/huggingface/safetensors): eight bytes with the length of the header, a JSON header
 * with the type, shape and position of each array, then the values, little-endian and without gaps. Nothing in such a file can run code.
 */
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import { isRecord } from '@carpal/configs/json.ts';
import { type NamedArray, type NamedArrays, valueCount } from './named-arrays.ts';

export type SafetensorsFile = { readonly arrays: NamedArrays; readonly metadata: Readonly<Record<string, string>> };

/** Enough for a million array names; the reference implementation has the same limit. */
const HEADER_LIMIT = 100_000_000;
const METADATA = '__metadata__';
const WIDTH = Float32Array.BYTES_PER_ELEMENT;

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
 * The arrays and metadata of a safetensors file; the arrays are copies. The file is not trusted: lengths, offsets, shapes and types are
 * checked before anything is allocated, the arrays must cover the data exactly once, and no name may appear twice. Throws `weights-invalid`
 * otherwise; `where` is the file, for the message. Arrays that `ignored` selects are left out and may have any type (other programs store
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

  const positions = Object.entries(entries).map(([name, entry]) => ({
    name,
    ...(ignored(name) ? checkPosition : checkEntry)(name, entry, file.length - start, invalid),
  }));
  let covered = 0;
  for (const { name, begin, end } of [...positions].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) throw invalid(`${name} begins at byte ${begin} of the data, expected byte ${covered}`);
    covered = end;
  }
  if (covered !== file.length - start) throw invalid(`the arrays cover ${covered} of ${file.length - start} bytes of data`);

  const arrays = new Map<string, NamedArray>();
  for (const { name, shape, begin, end } of positions) {
    if (ignored(name)) continue;
    const data = new Float32Array((end - begin) / WIDTH);
    new Uint8Array(data.buffer).set(file.subarray(start + begin, start + end));
    arrays.set(name, { shape, data });
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

type Position = { readonly shape: number[]; readonly begin: number; readonly end: number };

/** Checks the header entry of a float32 array. */
function checkEntry(name: string, entry: unknown, dataLength: number, invalid: Invalid): Position {
  const position = checkPosition(name, entry, dataLength, invalid);
  const { shape, begin, end } = position;
  const { dtype } = entry as Record<string, unknown>;
  if (dtype !== 'F32') throw invalid(`${name} has type ${JSON.stringify(dtype)}; only F32 is supported`);
  if (valueCount(shape) * WIDTH !== end - begin) throw invalid(`${name} has ${end - begin} bytes for shape [${shape.join(', ')}]`);
  return position;
}

/** Checks the position of an array of any type. */
function checkPosition(name: string, entry: unknown, dataLength: number, invalid: Invalid): Position {
  if (!isRecord(entry)) throw invalid(`${name} is not an object`);
  const { shape, data_offsets: offsets } = entry;
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every(isCount)) throw invalid(`${name} has an unusable shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) throw invalid(`${name} has unusable data_offsets`);
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataLength) throw invalid(`${name} is at bytes ${begin} to ${end} of ${dataLength}`);
  return { shape, begin, end };
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

/** `text` must be valid JSON: then a string before a colon is a name of the innermost object. */
function refuseRepeatedNames(text: string): void {
  const names: Set<string>[] = [];
  let previous = '';
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') names.push(new Set());
    else if (token === '}' || token === ']') names.pop();
    else if (token === ':') {
      const name = JSON.parse(previous) as string;
      const seen = names.at(-1);
      if (seen?.has(name)) throw new SyntaxError(`the name ${JSON.stringify(name)} appears twice`);
      seen?.add(name);
    }
    previous = token;
  }
}
