/** What is known of an image before it is decoded; `bits` are those of a channel, for DICOM the stored ones. */
export type ImageHeader = { readonly width: number; readonly height: number; readonly channels: number; readonly bits: number };

/**
 * A decoded radiograph: one grey channel, row by row. `white` is the value of full white: 255 for 8 bits, and for deeper images that of the
 * depth in use (see whiteOf).
 */
export type Radiograph = {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array | Uint16Array;
  readonly white: number;
};
