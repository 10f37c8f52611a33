/** Types of the decoders, which ship without their own. Only what dicom-pixels.ts uses. */

declare module '@cornerstonejs/codec-openjpeg/decodewasmjs' {
  function createCodec(options: {
    readonly print: (line: string) => void;
    readonly printErr: (line: string) => void;
  }): Promise<{ readonly J2KDecoder: new () => import('./dicom-pixels.ts').CodestreamDecoder }>;
  export = createCodec;
}

declare module '@cornerstonejs/codec-charls/decodewasmjs' {
  function createCodec(options: {
    readonly print: (line: string) => void;
    readonly printErr: (line: string) => void;
  }): Promise<{ readonly JpegLSDecoder: new () => import('./dicom-pixels.ts').CodestreamDecoder }>;
  export = createCodec;
}

declare module 'jpeg-lossless-decoder-js' {
  export class Decoder {
    /** Decodes `length` bytes from `offset`. Throws for invalid data. */
    decompress(buffer: ArrayBuffer, offset: number, length: number): ArrayBuffer;
  }
}
