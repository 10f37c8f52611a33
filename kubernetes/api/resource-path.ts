/** Paths of resources on the API server: how to build one, and what a request to one does. */
import type { KubernetesRequest } from './client.ts';

export type Resource = { readonly group: string; readonly version: string; readonly plural: string };

export const JOBS: Resource = { group: 'batch', version: 'v1', plural: 'jobs' };
export const PODS: Resource = { group: '', version: 'v1', plural: 'pods' };
export const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps' };
export const EVENTS: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events' };
export const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces' };
export const NODES: Resource = { group: '', version: 'v1', plural: 'nodes' };
export const SERVICE_ACCOUNTS: Resource = { group: '', version: 'v1', plural: 'serviceaccounts' };
export const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets' };
export const LEASES: Resource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };

/** `/api/v1/…` or `/apis/<group>/<version>/…`. Without a namespace: the resource in all namespaces. Without a name: the collection. */
export function resourcePath(
  resource: Resource,
  place: { readonly namespace?: string; readonly name?: string; readonly subresource?: 'status' } = {},
): string {
  const { group, version, plural } = resource;
  const parts = [
    group === '' ? `/api/${version}` : `/apis/${group}/${version}`,
    ...(place.namespace === undefined ? [] : ['namespaces', encodeURIComponent(place.namespace)]),
    plural,
    ...(place.name === undefined ? [] : [encodeURIComponent(place.name)]),
    ...(place.subresource === undefined ? [] : [place.subresource]),
  ];
  return parts.join('/');
}

export type ApiVerb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection' | 'read' | 'other';

/** What a request does, in the terms of RBAC. The values are few enough for labels of a metric. */
export type ApiAction = {
  readonly verb: ApiVerb;
  /** Empty for the core group. */
  readonly group: string;
  /** Plural, with its subresource: `jobs`, `pods/status`. Empty for a path that is not a resource. */
  readonly resource: string;
};

const VERBS = { POST: 'create', PUT: 'update', PATCH: 'patch' } as const;

function verbOf(method: KubernetesRequest['method'], named: boolean, watch: boolean): ApiVerb {
  if (method === 'DELETE') return named ? 'delete' : 'deletecollection';
  if (method !== 'GET') return VERBS[method];
  if (watch) return 'watch';
  return named ? 'get' : 'list';
}

/** The action of a request to `path`. For a path that is not a resource (`/version`, `/livez`), group and resource are empty. */
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
