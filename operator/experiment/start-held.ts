/** An attempt cannot be started now, which time or somebody may mend: its words are what a person needs meanwhile. */
export class StartHeld extends Error {
  /** When it is tried again. */
  readonly againMs: number;

  constructor(message: string, againMs: number, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'StartHeld';
    this.againMs = againMs;
  }
}
