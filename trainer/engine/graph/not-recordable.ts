import { CarpalError } from '@carpal/configs/errors.ts';

/** A step or a forward pass that cannot become a graph. `why` names the operation. */
export class NotRecordable extends CarpalError {
  constructor(why: string) {
    super('not-recordable', `the step cannot be recorded as a graph: ${why}`);
  }
}
