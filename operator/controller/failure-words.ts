/** What failed, in one line for a status: the API server's own words, an error of ours with its mend, or whatever else was said. */
import { CarpalError } from '@carpal/configs/errors.ts';
import { messageOf } from '@carpal/configs/message-of.ts';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';

const LONGEST = 500;

/** Of a request without its method and path: who reads a status has not made it. */
const withoutRequest = (text: string): string => text.replace(/^[A-Z]+ \/\S+: (\d{3} \w+: )?/, '');

function wordsOf(error: unknown): string {
  if (error instanceof ApiError) return withoutRequest(error.message);
  if (error instanceof CarpalError) {
    const where = error.where === undefined ? '' : ` (${error.where})`;
    return `${error.message}${where} → ${error.fix}`;
  }
  return messageOf(error);
}

/** At most 500 characters. */
export function failureWords(error: unknown): string {
  const words = wordsOf(error).replaceAll(/\s+/g, ' ').trim();
  return words.length > LONGEST ? `${words.slice(0, LONGEST - 1)}…` : words;
}
