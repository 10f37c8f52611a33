/** What a request does, in the words of RBAC: verb, group and resource. Bounded, so that it is fit for a metric's labels. */
import type { KubernetesRequest } from './client.ts';

export type ApiVerb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection' | 'read' | 'other';

export type ApiAction = {
  readonly verb: ApiVerb;
  /** Empty for the core group. */
  readonly group: string;
  /** Plural, with its subresource: `jobs`, `segmentationexperiments/status`. Empty for paths that are no resource. */
  readonly resource: string;
};

const VERBS = { POST: 'create', PUT: 'update', PATCH: 'patch' } as const;

function verbOf(method: KubernetesRequest['method'], named: boolean, watch: boolean): ApiVerb {
  if (method === 'DELETE') return named ? 'delete' : 'deletecollection';
  if (method !== 'GET') return VERBS[method];
  if (watch) return 'watch';
  return named ? 'get' : 'list';
}

/** The action of a request to `path`. A path that is no resource's (`/version`, `/livez`) has an empty one. */
export function apiAction(method: KubernetesRequest['method'], path: string, watch = false): ApiAction {
  const [root = '', ...rest] = path.split('?')[0]?.split('/').filter(Boolean) ?? [];
  const group = root === 'apis' ? (rest.shift() ?? '') : '';
  const version = rest.shift();
  if ((root !== 'api' && root !== 'apis') || version === undefined || rest.length === 0) {
    return { verb: method === 'GET' ? 'read' : 'other', group: '', resource: '' };
  }
  const place = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest;
  const [plural = '', name, subresource] = place;
  return {
    verb: verbOf(method, name !== undefined, watch),
    group,
    resource: subresource === undefined ? plural : `${plural}/${subresource}`,
  };
}
