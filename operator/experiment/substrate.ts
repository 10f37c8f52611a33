/** Where attempts run. The planner drives Kubernetes Jobs and local processes through this one interface. */

import type { PlannedStart } from './next-starts.ts';
import type { HoldCause, StageRun } from './observed.ts';

export type Substrate = {
  /** Every attempt of the experiment that the substrate still knows, including ended attempts. */
  observe(): Promise<readonly StageRun[]>;
  /** Starts an attempt. Idempotent: an existing attempt of that name is left unchanged. Throws `StartHeld`. */
  start(attempt: PlannedStart): Promise<void>;
  /** Asks an attempt to stop with a checkpoint and returns without waiting for it. Does nothing for unknown and ended attempts. */
  stop(name: string): Promise<void>;
  /**
   * Ends an attempt that is `lost`, without waiting for its node. Omitted by substrates whose attempts cannot be lost. A lost process may
   * still run; the trainer's fencing keeps it from writing to the checkpoint of its successor.
   */
  abandon?(name: string): Promise<void>;
  /** Forgets an ended attempt. */
  remove(name: string): Promise<void>;
};

/** An attempt cannot be started now. The cause may pass, or a person may solve it; the message says what prevents the start. */
export class StartHeld extends Error {
  /** Milliseconds until the start is tried again. */
  readonly againMs: number;
  readonly hold: HoldCause;

  constructor(message: string, againMs: number, { hold = 'trouble', cause }: { hold?: HoldCause; cause?: unknown } = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'StartHeld';
    this.againMs = againMs;
    this.hold = hold;
  }
}
