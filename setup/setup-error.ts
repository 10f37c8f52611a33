/** What stops a set-up: what is wrong with this machine, and the mend. */
export class SetupError extends Error {
  readonly mend: string;
  constructor(message: string, mend: string) {
    super(message);
    this.name = 'SetupError';
    this.mend = mend;
  }
}
