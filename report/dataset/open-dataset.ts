import { openStore } from '@carpal/artifacts/open-store.ts';
import { datasetFolder } from '@carpal/configs/dataset-folder.ts';
import { CarpalError } from '@carpal/configs/errors.ts';

/** Whether a dataset.uri is in S3. */
export function isInS3(uri: string): boolean {
  return /^s3:\/\//i.test(uri);
}

/**
 * Returns a local folder with the data set of a dataset.uri: the folder itself, or a cached copy of everything under an
 * `s3://bucket/prefix`. Throws `dataset-missing` if nothing is under the prefix, and the errors of the store. Does not check a local
 * folder. `onTransfer` is called whenever a part of the copy has arrived.
 */
export async function openDataset(uri: string, onTransfer: () => void = () => undefined): Promise<string> {
  if (!isInS3(uri)) return datasetFolder(uri);
  try {
    const store = openStore(uri);
    store.onTransfer(onTransfer);
    return await store.checkout('');
  } catch (error) {
    if (!(error instanceof CarpalError && error.code === 'artifact-missing')) throw error;
    throw new CarpalError('dataset-missing', 'there are no files under this prefix of the bucket', {
      where: uri,
      fix: 'Name the prefix that holds train/DCM and train/outputs_json.',
    });
  }
}
