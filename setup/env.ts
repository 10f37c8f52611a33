import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder that keeps heavy builds between checkouts: $CARPAL_CACHE, or carpal/ in the user's cache folder. */
export function cacheFolder(): string {
  const { CARPAL_CACHE: own, XDG_CACHE_HOME: shared } = process.env;
  return own ?? join(shared ?? join(homedir(), '.cache'), 'carpal');
}

/** This process's environment with some variables set, for a child process. */
export function environmentWith(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...process.env, ...variables };
}
