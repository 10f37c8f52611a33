import { CarpalError } from '@carpal/configs/errors.ts';

const FETCH_AGAIN = "Download the file again, and compare its SHA-256 with the publisher's.";

/** Makes the error for a published file that cannot be read. */
export type Invalid = (what: string, fix?: string) => CarpalError;

/** Errors `weights-invalid` for the file `where`. */
export const invalidFile =
  (where: string): Invalid =>
  (what, fix = FETCH_AGAIN) =>
    new CarpalError('weights-invalid', what, { where, fix });
