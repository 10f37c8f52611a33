/** Where attempts run. The planner drives Kubernetes Jobs and local processes through this one interface. */

import type { PlannedStart } from './next-starts.ts';
import type { StageRun } from './observed.ts';

export type Substrate = {
  /** Every attempt of the experiment that the substrate still knows, ended ones included. */
  observe(): Promise<readonly StageRun[]>;
  /** Starts an attempt. One of that name that is already there is left as it is: starting is idempotent. */
  start(attempt: PlannedStart): Promise<void>;
  /** Asks an attempt to stop with a checkpoint and returns without waiting for it. Unknown and ended attempts are no error. */
  stop(name: string): Promise<void>;
  /** Forgets an ended attempt. */
  remove(name: string): Promise<void>;
};
