/** Input that is not a mask, a polygon or a mask text; `position` is the 0-based place in it (a character, a count, a coordinate). */
export class MaskError extends Error {
  readonly position: number | undefined;

  constructor(what: string, position?: number) {
    super(what);
    this.name = 'MaskError';
    this.position = position;
  }
}
