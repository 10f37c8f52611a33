/** The planner's status and the schema of the CRD name the same fields: the compiler says so, this file only has to compile. */

import type { Condition, ExperimentStatus, FoldStatus, StageStatus } from '@carpal/configs/experiment-status.ts';
import type { ServedCondition, ServedFold, ServedStage, ServedStatus } from '@carpal/configs/schema/status.ts';
import { expectTypeOf, it } from 'vitest';

it('has a place in the definition for each field of the status, and no place for others', () => {
  expectTypeOf<keyof ExperimentStatus>().toEqualTypeOf<keyof ServedStatus>();
  expectTypeOf<keyof StageStatus>().toEqualTypeOf<keyof ServedStage>();
  expectTypeOf<keyof FoldStatus>().toEqualTypeOf<keyof ServedFold>();
  expectTypeOf<keyof Condition>().toEqualTypeOf<keyof ServedCondition>();
});
