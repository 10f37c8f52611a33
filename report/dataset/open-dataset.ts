import { openStore } from '@carpal/artifacts/open-store.ts';
import { datasetFolder } from '@carpal/configs/dataset-folder.ts';
import { CarpalError } from '@carpal/configs/errors.ts';

/** Whether a dataset.uri names a place in S3. */
export function isInS3(uri: string): boolean {
  return /^s3:\/\//i.test(uri);
}

/**
 * A local folder with the data set that a dataset.uri names: its own folder, or a copy of all that lies under an `s3://bucket/prefix`, which
 * is kept for the next call. Throws `dataset-missing` where there is nothing in S3, and what the store throws. A folder is not looked at.
 */
export async function openDataset(uri: string, onWait?: (line: string) => void): Promise<string> {
  if (!isInS3(uri)) return datasetFolder(uri);
  try {
    return await openStore(uri, onWait ? { onWait } : {}).checkout('');
  } catch (error) {
    if (!(error instanceof CarpalError && error.code === 'artifact-missing')) throw error;
    throw new CarpalError('dataset-missing', 'nothing lies under this prefix of the bucket', {
      where: uri,
      fix: 'Name the prefix that holds train/DCM and train/outputs_json.',
    });
  }
}
