import { open } from 'node:fs/promises';

/** The formats that are read everywhere: by training, `data inspect`, `predict`, `check` and `score`. */
const IMAGE_EXTENSION = /\.(?:png|jpe?g|tiff?|dcm)$/i;
const KNOWN_EXTENSION = /\.(?:png|jpe?g|tiff?|dcm|json)$/i;
/** A name that ends in letters after a dot has an extension. The numbers of a UID such as 1.2.840.113 are none. */
const ANY_EXTENSION = /\.[a-z][a-z0-9]*$/i;
/** Where a DICOM file has the letters DICM. */
const MAGIC = { text: 'DICM', at: 128 } as const;

export const IMAGE_FORMATS = 'PNG, JPEG, TIFF or DICOM';

/**
 * A file name in the form in which names are compared and written: composed letters (NFC). Some systems store names decomposed (NFD), which
 * look the same and are other bytes.
 */
export function plainName(name: string): string {
  return name.normalize('NFC');
}

/** The name by which images, annotations and rows of a submission belong together: composed, without the extension of an image or JSON file. */
export function stemOf(name: string): string {
  return plainName(name).replace(KNOWN_EXTENSION, '');
}

/** Whether the name alone shows that the file is an image. */
export function hasImageExtension(name: string): boolean {
  return IMAGE_EXTENSION.test(name);
}

/** Whether a file is an image: by its name, or, if the name has no extension, because it is a DICOM file. False for a file that cannot be read. */
export async function isImageFile(path: string, name: string): Promise<boolean> {
  return hasImageExtension(name) || (!ANY_EXTENSION.test(name) && (await isDicomFile(path).catch(() => false)));
}

/** Whether the file starts as a DICOM file, whatever its name is. Throws the system's error if the file cannot be read. */
export async function isDicomFile(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MAGIC.text.length), 0, MAGIC.text.length, MAGIC.at);
    return bytesRead === MAGIC.text.length && buffer.toString('latin1') === MAGIC.text;
  } finally {
    await file.close();
  }
}
