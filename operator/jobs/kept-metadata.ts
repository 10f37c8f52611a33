/** Metadata as the operator keeps it: thousands of objects, each with what is read of it and no more. */
import { LABEL } from '@carpal/configs/names.ts';
import type { ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import { QUEUE_LABEL } from './stage-labels.ts';

const LABELS: readonly string[] = [LABEL.experiment, LABEL.experimentUid, LABEL.stage, LABEL.fold, LABEL.attempt, QUEUE_LABEL];

/** An object without the fields whose value is undefined. */
export function known<Fields extends object>(fields: Fields): { [Name in keyof Fields]: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Fields]: Exclude<Fields[Name], undefined>;
  };
}

/** Names, times, the labels of an attempt and the reference to the managing owner; to all owners where none manages. */
export function keepMetadata(metadata: ObjectMeta): ObjectMeta {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  const labels = Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(([label]) => LABELS.includes(label)));
  const owners = metadata.ownerReferences ?? [];
  const managing = owners.filter(({ controller }) => controller === true);
  const kept = managing.length > 0 ? managing : owners;
  const times = { creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds };
  return {
    ...known({ namespace, uid, resourceVersion, ...times }),
    name,
    labels,
    ...(kept.length === 0 ? {} : { ownerReferences: kept }),
  };
}
