/** A pod's volumes as folders of this machine, and the paths of the container rewritten to them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { readData } from './container-environment.ts';
import type { KubeletPod, KubeletVolume } from './kubelet-pod.ts';

/** Scratch places that every machine has itself. */
const OF_THE_MACHINE: ReadonlySet<string> = new Set(['/tmp', '/dev/shm']);

/** Where the container thinks a folder is → where it is. */
export type MountedFolders = ReadonlyMap<string, string>;

export type VolumeOptions = {
  readonly client: KubernetesClient;
  /** Takes what the volumes hold. */
  readonly folder: string;
  /** Folders of this machine that stand for persistent volume claims, by the claim's name. */
  readonly claims: Readonly<Record<string, string>>;
};

/** Fills the volumes of the pod's first container. Throws where one names an object that is not there, or is of a kind that this machine lacks. */
export async function mountVolumes(pod: KubeletPod, options: VolumeOptions): Promise<MountedFolders> {
  const mounted = new Map<string, string>();
  for (const { name, mountPath, subPath = '' } of pod.spec.containers[0]?.volumeMounts ?? []) {
    const volume = pod.spec.volumes?.find((one) => one.name === name);
    // A service account's token: no process here asks the API server for anything.
    if (volume === undefined || 'projected' in volume || OF_THE_MACHINE.has(mountPath)) continue;
    mounted.set(mountPath, join(await folderOf(volume, pod.metadata.namespace, options), subPath));
  }
  return mounted;
}

async function folderOf(volume: KubeletVolume, namespace: string, { client, folder, claims }: VolumeOptions): Promise<string> {
  const { configMap, secret, hostPath, persistentVolumeClaim: claim } = volume;
  if (hostPath !== undefined) return hostPath.path;
  if (claim !== undefined) {
    const place = claims[claim.claimName];
    if (place === undefined) throw new Error(`no folder of this machine stands for the claim ${claim.claimName}`);
    return place;
  }
  const place = join(folder, 'volumes', volume.name);
  await mkdir(place, { recursive: true });
  if (configMap !== undefined) await writeAll(place, await readData(client, 'ConfigMap', { namespace, ...configMap }));
  else if (secret !== undefined) {
    const { secretName: name, optional } = secret;
    await writeAll(place, await readData(client, 'Secret', { namespace, name, optional }));
  } else if (volume.emptyDir === undefined) throw new Error(`volume ${volume.name} is of a kind that this kubelet does not know`);
  return place;
}

async function writeAll(place: string, files: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [name, bytes] of files) await writeFile(join(place, name), bytes, { mode: 0o600 });
}

/** The text with every mount path in it, as a whole path or the beginning of one, replaced by where it is. Longer mount paths win. */
export function rewritePaths(text: string, mounted: MountedFolders): string {
  const paths = [...mounted.keys()].sort((one, other) => other.length - one.length);
  if (paths.length === 0) return text;
  const any = paths.map((path) => path.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  return text.replaceAll(new RegExp(`(?<![\\w./-])(?:${any})(?![\\w.-])`, 'g'), (path) => mounted.get(path) ?? path);
}
