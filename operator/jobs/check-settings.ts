/** Finds settings that make no valid Job when the operator starts, instead of ending every experiment later. */
import { CarpalError } from '@carpal/configs/errors.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import { API_VERSION, experimentSchema, KIND } from '@carpal/configs/schema/experiment.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { attemptName } from '../experiment/stage.ts';
import { jobManifest } from './job-manifest.ts';
import { refusalOf } from './refusal.ts';
import type { StageSettings } from './stage-settings.ts';

const NAME = 'settings-check';
const STAGES: readonly StageKey[] = [{ stage: 'prepare' }, { stage: 'fold', fold: 0 }, { stage: 'ensemble' }];

/**
 * Sends the Jobs of a default manifest's stages to the API server as a dry run, which creates nothing. Throws `stage-settings-refused` with
 * the server's message, or `ApiError` if the server did not answer the question.
 */
export async function checkStageSettings(client: KubernetesClient, namespace: string, settings: StageSettings): Promise<void> {
  const experiment = experimentSchema.parse({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: NAME, namespace, uid: '00000000-0000-4000-8000-000000000000' },
    spec: { dataset: { uri: 's3://data/hand-bones' }, model: { name: 'UNet' } },
  });
  for (const key of STAGES) {
    const body = jobManifest(experiment, { ...key, attempt: 1, name: attemptName(NAME, key, 1) }, settings);
    try {
      await client.request({ method: 'POST', path: resourcePath(JOBS, { namespace }), query: { dryRun: 'All' }, body });
    } catch (error) {
      const refusal = refusalOf(error);
      // A policy or a webhook of this namespace says nothing about the settings.
      if (refusal?.hold !== 'refused') throw error;
      throw new CarpalError('stage-settings-refused', refusal.message, { where: `the Job of ${key.stage}`, cause: error });
    }
  }
}
