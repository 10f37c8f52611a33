import { describe, expect, it } from 'vitest';
import { apiAction } from './resource-path.ts';

describe('the action of a request', () => {
  it.each([
    ['GET', '/api/v1/namespaces/a/pods/b', 'get /pods'],
    ['GET', '/api/v1/pods', 'list /pods'],
    ['GET', '/apis/batch/v1/namespaces/a/jobs?limit=5', 'list batch/jobs'],
    ['GET', '/api/v1/namespaces/a/pods/b/log', 'get /pods/log'],
    ['GET', '/api/v1/namespaces', 'list /namespaces'],
    ['GET', '/api/v1/namespaces/a', 'get /namespaces'],
    ['POST', '/apis/batch/v1/namespaces/a/jobs', 'create batch/jobs'],
    ['PUT', '/apis/coordination.k8s.io/v1/namespaces/a/leases/b', 'update coordination.k8s.io/leases'],
    ['PATCH', '/apis/carpal.dev/v1alpha1/namespaces/a/segmentationexperiments/b/status', 'patch carpal.dev/segmentationexperiments/status'],
    ['DELETE', '/apis/batch/v1/namespaces/a/jobs/b', 'delete batch/jobs'],
    ['DELETE', '/apis/batch/v1/namespaces/a/jobs', 'deletecollection batch/jobs'],
    ['GET', '/version', 'read /'],
    ['GET', '/apis/batch/v1', 'read /'],
    ['GET', '/', 'read /'],
  ] as const)('for %s %s is "%s"', (method, path, expected) => {
    const { verb, group, resource } = apiAction(method, path);
    expect(`${verb} ${group}/${resource}`).toBe(expected);
  });

  it('is "watch" for a GET that watches', () => expect(apiAction('GET', '/api/v1/pods', true).verb).toBe('watch'));
});
