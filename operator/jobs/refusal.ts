import { ApiError } from '@carpal/kubernetes/api/api-error.ts';

/**
 * The server's words where it will never take this object: a field that breaks a rule (422), or text that is no field of that kind at all
 * (400, such as a quantity that cannot be read). Undefined for everything that time may mend: a quota, a policy, a server in trouble.
 */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const isMalformed = error.status === 400 && error.message.includes('cannot be handled as');
  return error.status === 422 || isMalformed ? error.message : undefined;
}
