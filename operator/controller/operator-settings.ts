/** The configuration of an operator. */
import type { Provenance } from '@carpal/artifacts/experiment-record.ts';
import type { RetryPolicy } from '../experiment/retry-policy.ts';
import type { StageSettings } from '../jobs/stage-settings.ts';

export type OperatorSettings = {
  readonly stages: StageSettings;
  /** Concurrent steps. Each mostly waits for the API server. */
  readonly workers: number;
  /** The namespace to watch; absent: all namespaces. */
  readonly watchNamespace?: string;
  /** Recorded in each experiment's artifacts. */
  readonly provenance: Provenance;
  /** Delays before further attempts. Default: `DEFAULT_RETRY`. */
  readonly retry?: RetryPolicy;
  /**
   * The shortest time between two steps of an experiment. Default: 500. After an attempt has ended, the next step comes after half this
   * time, so that it covers other attempts that end then. After other changes of attempts, it comes after at least four times this time.
   * See reconcile-delay.ts.
   */
  readonly spacingMs?: number;
  /** The time between full lists, which correct what the watches have missed; see reflector-types.ts. */
  readonly resyncMs?: number;
  /** A watch that has delivered nothing for this long is opened again; see reflector-types.ts. */
  readonly inactivityMs?: number;
};
