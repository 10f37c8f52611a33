/** Values of a DICOM file for {@link dicomFile}; the rest has the values of a plain 12-bit radiograph. */
export type DicomFields = {
  readonly width: number;
  readonly height: number;
  /** Stored values, row by row. */
  readonly values: ArrayLike<number>;
  readonly syntax?: string;
  readonly bitsAllocated?: 8 | 16;
  readonly bitsStored?: number;
  readonly highBit?: number;
  readonly signed?: boolean;
  readonly photometric?: string;
  readonly samples?: number;
  readonly frames?: string;
  /** Further texts by tag, such as { '00281050': '600' }. Tags with other types than DS get their type in `types`. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly padding?: number;
  /** A compressed frame instead of the values. */
  readonly frame?: Uint8Array;
  /** Entries of a VOI lookup table of 16 bits that starts at 0. */
  readonly table?: readonly number[];
};

const DECIMAL_TEXTS = new Set(['00281050', '00281051', '00281052', '00281053']);

/** The bytes of a DICOM file with explicit value types, little endian. */
export function dicomFile(fields: DicomFields): Buffer {
  const { width, height, values, syntax = '1.2.840.10008.1.2.1', bitsAllocated = 16, photometric = 'MONOCHROME2' } = fields;
  const { bitsStored = 12, highBit = bitsStored - 1, signed = false, samples = 1, frames, texts = {}, padding, frame, table } = fields;
  const bytes = Buffer.alloc((values.length * bitsAllocated) / 8);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (bitsAllocated === 8) bytes[i] = value;
    else bytes.writeUInt16LE(value & 0xffff, 2 * i);
  }
  const elements: [tag: string, element: Buffer][] = [
    ['00280002', short('00280002', samples)],
    ['00280004', text('00280004', 'CS', photometric)],
    ['00280010', short('00280010', height)],
    ['00280011', short('00280011', width)],
    ['00280100', short('00280100', bitsAllocated)],
    ['00280101', short('00280101', bitsStored)],
    ['00280102', short('00280102', highBit)],
    ['00280103', short('00280103', signed ? 1 : 0)],
    ...(frames === undefined ? [] : [['00280008', text('00280008', 'IS', frames)] as [string, Buffer]]),
    ...(padding === undefined ? [] : [['00280120', short('00280120', padding & 0xffff)] as [string, Buffer]]),
    ...Object.entries(texts).map(([tag, value]): [string, Buffer] => [tag, text(tag, DECIMAL_TEXTS.has(tag) ? 'DS' : 'CS', value)]),
    ...(table === undefined ? [] : [['00283010', tableSequence(table)] as [string, Buffer]]),
    ['7fe00010', frame ? encapsulated(frame) : long('7fe00010', bitsAllocated === 8 ? 'OB' : 'OW', bytes)],
  ];
  elements.sort(([a], [b]) => (a < b ? -1 : 1));
  const meta = text('00020010', 'UI', syntax);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(meta.length);
  const group = Buffer.concat([tagOf('00020000'), Buffer.from('UL\x04\x00', 'latin1'), length]);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), group, meta, ...elements.map(([, element]) => element)]);
}

function tagOf(tag: string): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16));
  bytes.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  return bytes;
}

/** An element whose length is given by two bytes. */
function plain(tag: string, type: string, value: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(value.length);
  return Buffer.concat([tagOf(tag), Buffer.from(type), length, value]);
}

function short(tag: string, ...values: number[]): Buffer {
  return plain(tag, 'US', Buffer.from(Uint16Array.from(values).buffer));
}

function text(tag: string, type: string, value: string): Buffer {
  return plain(tag, type, Buffer.from(value.length % 2 === 0 ? value : `${value}${type === 'UI' ? '\0' : ' '}`, 'latin1'));
}

/** An element whose length is given by four bytes. */
function long(tag: string, type: string, value: Buffer, length: number = value.length): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt32LE(length >>> 0, 2);
  return Buffer.concat([tagOf(tag), Buffer.from(type), head, value]);
}

function item(value: Buffer, tag = 'fffee000'): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(value.length);
  return Buffer.concat([tagOf(tag), length, value]);
}

/** A compressed frame in one fragment, after an empty offset table. */
function encapsulated(frame: Uint8Array): Buffer {
  const even = Buffer.concat([frame, Buffer.alloc(frame.length % 2)]);
  return long('7fe00010', 'OB', Buffer.concat([item(Buffer.alloc(0)), item(even), item(Buffer.alloc(0), 'fffee0dd')]), 0xffffffff);
}

function tableSequence(entries: readonly number[]): Buffer {
  const data = Buffer.from(Uint16Array.from(entries).buffer);
  const content = Buffer.concat([short('00283002', entries.length, 0, 16), long('00283006', 'OW', data)]);
  return long('00283010', 'SQ', item(content));
}
