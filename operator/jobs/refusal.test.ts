import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import { describe, expect, it } from 'vitest';
import { refusalOf } from './refusal.ts';

const POST = 'POST /apis/batch/v1/namespaces/default/jobs';
const field = {
  reason: 'FieldValueInvalid',
  message: 'must be unique',
  field: 'spec.template.spec.containers[0].volumeMounts[3].mountPath',
};

function answer(status: number, reason: string, message: string, causes: object[] = []): ApiError {
  return new ApiError(status, reason, `${POST}: ${status} ${reason}: ${message}`, { causes });
}

describe('a request to create a Job that the API server rejects', () => {
  it.each<[string, ApiError, string]>([
    ['a field', answer(422, 'Invalid', 'Job.batch "a" is invalid: mountPath: must be unique', [field]), 'refused'],
    ['a quantity', answer(400, 'BadRequest', 'Job in version "v1" cannot be handled as a Job: quantities must match …'), 'refused'],
    ['an unparsable value', answer(400, 'BadRequest', 'Job in version "v1" cannot be handled as a Job: json: cannot unmarshal'), 'refused'],
    ['a quota', answer(403, 'Forbidden', 'jobs.batch "a" is forbidden: exceeded quota: jobs, used: 2, limited: 2'), 'denied'],
    ['a missing right', answer(403, 'Forbidden', 'jobs.batch is forbidden: User "carpal" cannot create resource "jobs"'), 'denied'],
    [
      'an admission policy',
      answer(422, 'Invalid', "jobs.batch \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", [
        { message: 'no' },
      ]),
      'denied',
    ],
    ['a webhook', answer(400, 'BadRequest', 'admission webhook "x.example.org" denied the request: no'), 'denied'],
    [
      'a webhook that names fields',
      answer(422, 'Invalid', 'admission webhook "job.example.org" denied the request: bad queue', [field]),
      'denied',
    ],
    ['a webhook that fails', answer(500, 'InternalError', 'failed calling webhook "x": connection refused'), 'denied'],
    [
      'a namespace that is being deleted',
      answer(
        403,
        'Forbidden',
        'jobs.batch "a" is forbidden: unable to create new content in namespace default because it is being terminated',
        [{ reason: 'NamespaceTerminating', message: 'namespace default is being terminated', field: 'metadata.namespace' }],
      ),
      'terminating',
    ],
  ])('because of %s', (_cause, error, hold) => {
    expect(refusalOf(error)).toEqual({ hold, message: error.message.replace(/^POST \S+ \d+ \w+: /, '') });
  });

  it.each([
    answer(409, 'AlreadyExists', 'jobs.batch "a" already exists'),
    answer(429, 'TooManyRequests', 'busy'),
    answer(500, 'InternalError', 'etcd has no leader'),
    answer(503, 'ServiceUnavailable', 'starting'),
    new ApiError(0, 'NoAnswer', `${POST}: no answer`),
    new TypeError('no uid'),
  ])('is not about the Job if it is %s', (error) => expect(refusalOf(error)).toBeUndefined());
});
