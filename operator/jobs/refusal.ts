/** Why the API server rejected the creation of an object: because the object is invalid, or because something forbids it at present. */
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { HoldCause } from '../experiment/observed.ts';
import { StartHeld } from '../experiment/substrate.ts';

/** `message`: the server's own words, without the request. */
export type Refusal = { readonly hold: Exclude<HoldCause, 'trouble'>; readonly message: string };

/** The shortest time until another try. The controller backs off further. */
const AGAIN_MS = 1000;

const BY_WEBHOOK = /admission webhook "|failed calling webhook/;
const UNPARSABLE = 'cannot be handled as';

/**
 * What the server rejected; undefined for everything that says nothing about the object, such as a server in trouble. `refused`: a field
 * breaks a rule (422), or a value cannot be parsed (400, such as an unreadable quantity). An admission policy also answers with 422, but
 * names no field. A webhook may answer with any status and any fields: its rules may change, so it only denies.
 */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const hold = holdOf(error);
  return hold === undefined ? undefined : { hold, message: error.message.replace(/^[A-Z]+ \/\S+: (\d{3} \w+: )?/, '') };
}

const isOfEndingNamespace = ({ causes }: ApiError): boolean => causes.some(({ reason }) => reason === 'NamespaceTerminating');

/**
 * Whether the API server refused to create an object because its namespace is being deleted. What fails because of that is not a problem
 * that a person must solve.
 */
export function isNamespaceDeletion(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403 && isOfEndingNamespace(error);
}

const MISSING_RIGHT = /is forbidden: User "[^"]*" cannot \w+ resource/;

/** Whether the API server refused a request because the operator has not the right to it. */
export function isMissingRight(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403 && MISSING_RIGHT.test(error.message);
}

function holdOf(error: ApiError): Refusal['hold'] | undefined {
  const { status, message, causes } = error;
  if (BY_WEBHOOK.test(message)) return 'denied';
  if (status === 403) return isOfEndingNamespace(error) ? 'terminating' : 'denied';
  if (status === 422) return causes.some(({ field = '' }) => field !== '') ? 'refused' : 'denied';
  return status === 400 && message.includes(UNPARSABLE) ? 'refused' : undefined;
}

/** The error as a start that is held; the error itself if it says nothing about the object. */
export function heldBy(error: unknown): unknown {
  const refusal = refusalOf(error);
  return refusal === undefined ? error : new StartHeld(refusal.message, AGAIN_MS, { hold: refusal.hold, cause: error });
}
