/** Paths of resources on the API server. */
import { GROUP, PLURAL, VERSION } from '@carpal/configs/names.ts';

export type Resource = { readonly group: string; readonly version: string; readonly plural: string };

export const EXPERIMENTS: Resource = { group: GROUP, version: VERSION, plural: PLURAL };
export const JOBS: Resource = { group: 'batch', version: 'v1', plural: 'jobs' };
export const PODS: Resource = { group: '', version: 'v1', plural: 'pods' };
export const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps' };
export const EVENTS: Resource = { group: 'events.k8s.io', version: 'v1', plural: 'events' };
export const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces' };
export const NODES: Resource = { group: '', version: 'v1', plural: 'nodes' };
export const SERVICE_ACCOUNTS: Resource = { group: '', version: 'v1', plural: 'serviceaccounts' };
export const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets' };
export const LEASES: Resource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };

/** `/api/v1/…` or `/apis/<group>/<version>/…`; without a namespace the resource in all of them, without a name the collection. */
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
