/** What an operator is told when it is started. */
import type { Provenance } from '../experiment/experiment-record.ts';
import type { RetryPolicy } from '../experiment/retry-delay.ts';
import type { StageSettings } from '../jobs/stage-settings.ts';

export type OperatorSettings = {
  readonly stages: StageSettings;
  /** Reconciles at once. Each waits for the API server most of its time. */
  readonly workers: number;
  /** The one namespace whose experiments are looked after; all of them where absent. */
  readonly watchNamespace?: string;
  /** Recorded beside each experiment's artifacts. */
  readonly provenance: Provenance;
  /** Delays before further attempts; the planner's own where absent. */
  readonly retry?: RetryPolicy;
  /**
   * Least time between two reconciles of an experiment; 500 where absent. Ends of attempts wait half of it for others, and news of attempts
   * that go on, which change nothing but what is told, at least four times as long; see patience.ts.
   */
  readonly spacingMs?: number;
  /** Full lists that mend what the watches have missed; see reflector-types.ts. */
  readonly resyncMs?: number;
  /** A watch on which nothing came for this long is opened anew; see reflector-types.ts. */
  readonly inactivityMs?: number;
};
