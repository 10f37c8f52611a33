/** Requests that create and delete objects of one experiment. They never touch an object that belongs to someone else. */
import { CarpalError } from '@carpal/configs/errors.ts';
import { isStatus } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { Job, KubernetesObject, ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import { type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { controllerUid } from './ownership.ts';
import { heldBy } from './refusal.ts';

/** `uid`: that of the experiment. */
type Owner = { readonly client: KubernetesClient; readonly namespace: string; readonly uid: string };

/**
 * Creates the object, or returns the existing one if the experiment manages it. Throws `StartHeld` if the server does not accept it now or
 * as it is, and `object-name-held` if someone else has an object of that name.
 */
export async function createOwned<Kind extends KubernetesObject>(
  { client, namespace, uid }: Owner,
  resource: Resource,
  manifest: Kind,
): Promise<Kind> {
  const { name } = manifest.metadata;
  try {
    return await client.request<Kind>({ method: 'POST', path: resourcePath(resource, { namespace }), body: manifest });
  } catch (error) {
    if (!isStatus(error, 409)) throw heldBy(error);
  }
  const path = resourcePath(resource, { namespace, name });
  const found = await client.request<Kind>({ method: 'GET', path }).catch((error: unknown) => {
    throw heldBy(error);
  });
  const owner = controllerUid(found.metadata);
  if (owner === uid) return found;
  const manager = owner === undefined ? 'nothing manages it' : `the owner with uid ${owner} manages it`;
  throw new CarpalError('object-name-held', `the ${manifest.kind} exists already, and ${manager}`, { where: `${namespace}/${name}` });
}

type Deletion = {
  readonly propagationPolicy: 'Foreground' | 'Background';
  readonly gracePeriodSeconds?: number;
  /** Delete it only if it has not changed since it was seen. */
  readonly unchanged?: true;
};

/**
 * Deletes an object if it still is the one that was seen. Returns it if finalizers keep it for now. Throws `ApiError` with status 404 if it
 * is gone, and with 409 if it was replaced or has changed.
 */
export async function deleteSeen(
  { client, namespace }: Owner,
  resource: Resource,
  { name, uid, resourceVersion }: ObjectMeta,
  { unchanged, ...how }: Deletion,
): Promise<Job | undefined> {
  const preconditions = unchanged === true ? { uid, resourceVersion } : { uid };
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...how, preconditions };
  const answer = await client.request<Job>({ method: 'DELETE', path: resourcePath(resource, { namespace, name }), body });
  return answer.kind === 'Job' ? answer : undefined;
}

/** The same, but does nothing if the object is gone or was replaced. */
export async function removeSeen(owner: Owner, resource: Resource, metadata: ObjectMeta, gracePeriodSeconds?: number): Promise<void> {
  try {
    const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
    await deleteSeen(owner, resource, metadata, { propagationPolicy: 'Background', ...grace });
  } catch (error) {
    if (!isStatus(error, 404) && !isStatus(error, 409)) throw error;
  }
}
