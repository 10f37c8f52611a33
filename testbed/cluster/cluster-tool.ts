import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CarpalError } from '@carpal/configs/errors.ts';

/** Where setup/cluster-tools.ts links what it built. */
const FOLDER = fileURLToPath(new URL('../../node_modules/.carpal-tools/', import.meta.url));

export type ClusterTool = 'control-plane' | 'kwok' | 'versitygw';

/** The path of a program that `make cluster-tools` builds. Throws `resource-missing` where that has not been run. */
export function clusterTool(name: ClusterTool): string {
  const path = `${FOLDER}${name}`;
  if (!existsSync(path)) throw new CarpalError('resource-missing', `${name} is not built`, { where: path, fix: 'Run make cluster-tools.' });
  return path;
}
