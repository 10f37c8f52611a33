/** What stops a set-up: what is wrong with this machine, and the mend. */
export class SetupError extends Error {
  readonly fix: string;
  constructor(message: string, fix: string) {
    super(message);
    this.name = 'SetupError';
    this.fix = fix;
  }
}
