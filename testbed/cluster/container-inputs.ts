/** The inputs of a container: its variables, and its volumes as folders of this machine. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isStatus } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, type Resource, resourcePath, SECRETS } from '@carpal/kubernetes/api/resource-path.ts';
import type { EnvironmentVariable, KeySelector, KubeletPod, KubeletVolume } from './kubelet-pod.ts';

type Data = Readonly<Record<string, string>>;
type DataObject = KubernetesObject & { readonly data?: Data; readonly binaryData?: Data };

/** Every key of a ConfigMap or Secret, as bytes. Throws ApiError if it does not exist, unless it is optional. */
async function readData(
  client: KubernetesClient,
  kind: 'ConfigMap' | 'Secret',
  { namespace, name, optional = false }: { readonly namespace: string; readonly name: string; readonly optional?: boolean | undefined },
): Promise<ReadonlyMap<string, Buffer>> {
  const resource: Resource = kind === 'Secret' ? SECRETS : CONFIG_MAPS;
  try {
    const { data = {}, binaryData = {} } = await client.request<DataObject>({
      method: 'GET',
      path: resourcePath(resource, { namespace, name }),
    });
    const encoding = kind === 'Secret' ? 'base64' : 'utf8';
    return new Map([
      ...Object.entries(data).map(([key, text]): [string, Buffer] => [key, Buffer.from(text, encoding)]),
      ...Object.entries(binaryData).map(([key, text]): [string, Buffer] => [key, Buffer.from(text, 'base64')]),
    ]);
  } catch (error) {
    if (optional && isStatus(error, 404)) return new Map();
    throw error;
  }
}

/** The value of `metadata.name`, `metadata.labels['x']`, `spec.nodeName`, … */
function fieldOf(pod: KubeletPod, path: string): string {
  const { metadata, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed !== null) return (keyed[1] === 'labels' ? metadata.labels : metadata.annotations)?.[keyed[2] ?? ''] ?? '';
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'spec.nodeName': spec.nodeName,
  };
  const value = fields[path];
  if (value === undefined) throw new Error(`fieldRef ${path} is not supported`);
  return value;
}

/** Replaces `$(NAME)` with the value of NAME. `$$(NAME)` becomes `$(NAME)`. */
export function expand(text: string, variables: Data): string {
  return text.replaceAll(/\$?\$\(([^)]+)\)/g, (whole, name: string) =>
    whole.startsWith('$$') ? whole.slice(1) : (variables[name] ?? whole),
  );
}

/** The variables of the pod's first container: those of envFrom, then those of env, which override them. */
export async function containerEnvironment(pod: KubeletPod, client: KubernetesClient): Promise<Record<string, string>> {
  const { namespace } = pod.metadata;
  const container = pod.spec.containers[0];
  const variables: Record<string, string> = {};
  for (const { prefix = '', secretRef, configMapRef } of container?.envFrom ?? []) {
    const source = secretRef ?? configMapRef;
    if (source === undefined) continue;
    const values = await readData(client, secretRef === undefined ? 'ConfigMap' : 'Secret', { namespace, ...source });
    for (const [key, value] of values) variables[`${prefix}${key}`] = value.toString('utf8');
  }
  const keyed = async (kind: 'ConfigMap' | 'Secret', { name, key, optional }: KeySelector): Promise<string | undefined> => {
    const value = (await readData(client, kind, { namespace, name, optional })).get(key)?.toString('utf8');
    if (value === undefined && optional !== true) throw new Error(`couldn't find key ${key} in ${kind} ${namespace}/${name}`);
    return value;
  };
  const resolved = async ({ value, valueFrom }: EnvironmentVariable): Promise<string | undefined> => {
    if (valueFrom?.fieldRef !== undefined) return fieldOf(pod, valueFrom.fieldRef.fieldPath);
    if (valueFrom?.secretKeyRef !== undefined) return keyed('Secret', valueFrom.secretKeyRef);
    if (valueFrom?.configMapKeyRef !== undefined) return keyed('ConfigMap', valueFrom.configMapKeyRef);
    return expand(value ?? '', variables);
  };
  for (const variable of container?.env ?? []) {
    const value = await resolved(variable);
    if (value !== undefined) variables[variable.name] = value;
  }
  return variables;
}

/** Scratch folders that every machine has. */
const OF_THE_MACHINE: ReadonlySet<string> = new Set(['/tmp', '/dev/shm']);

/** Path in the container → path on this machine. */
export type MountedFolders = ReadonlyMap<string, string>;

export type VolumeOptions = {
  readonly client: KubernetesClient;
  /** The folder for the contents of the volumes. */
  readonly folder: string;
  /** Folders of this machine in place of persistent volume claims, by the claim's name. */
  readonly claims: Readonly<Record<string, string>>;
};

/** Fills the volumes of the pod's first container. Throws if a volume names an object that does not exist or has an unsupported type. */
export async function mountVolumes(pod: KubeletPod, options: VolumeOptions): Promise<MountedFolders> {
  const mounted = new Map<string, string>();
  for (const { name, mountPath, subPath = '' } of pod.spec.containers[0]?.volumeMounts ?? []) {
    const volume = pod.spec.volumes?.find((one) => one.name === name);
    // A service account's token: no process here sends requests to the API server.
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
    if (place === undefined) throw new Error(`no folder is configured for the claim ${claim.claimName}`);
    return place;
  }
  const place = join(folder, 'volumes', volume.name);
  await mkdir(place, { recursive: true });
  if (configMap !== undefined) await writeAll(place, await readData(client, 'ConfigMap', { namespace, ...configMap }));
  else if (secret !== undefined) {
    const { secretName: name, optional } = secret;
    await writeAll(place, await readData(client, 'Secret', { namespace, name, optional }));
  } else if (volume.emptyDir === undefined) throw new Error(`volume ${volume.name} has a type that this kubelet does not support`);
  return place;
}

async function writeAll(place: string, files: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [name, bytes] of files) await writeFile(join(place, name), bytes, { mode: 0o600 });
}

/**
 * Replaces every mount path in the text, alone or as the beginning of a longer path, with its path on this machine. Longer mount paths win.
 */
export function rewritePaths(text: string, mounted: MountedFolders): string {
  const paths = [...mounted.keys()].sort((one, other) => other.length - one.length);
  if (paths.length === 0) return text;
  const any = paths.map((path) => path.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  return text.replaceAll(new RegExp(`(?<![\\w./-])(?:${any})(?![\\w.-])`, 'g'), (path) => mounted.get(path) ?? path);
}
