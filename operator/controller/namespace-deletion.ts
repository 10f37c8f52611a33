/** A namespace that is being deleted accepts no new objects. What fails because of that is not a problem that anybody must solve. */
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';

/** Whether the API server refused to create an object because its namespace is being deleted. */
export function isNamespaceDeletion(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403 && error.causes.some(({ reason }) => reason === 'NamespaceTerminating');
}
