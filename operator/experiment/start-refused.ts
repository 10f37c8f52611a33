/** The substrate will never take this attempt as it is asked for: trying again is pointless, and its words are what a person needs. */
export class StartRefused extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'StartRefused';
  }
}
