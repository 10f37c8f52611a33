/** Says why a step cannot become a graph. */
export class NotRecordable extends Error {
  constructor(why: string) {
    super(`the step cannot be recorded: ${why}`);
    this.name = 'NotRecordable';
  }
}
