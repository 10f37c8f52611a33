/** Requests to one bucket, each in the form that the store needs. Imported only when an S3 store is used: the SDK takes a while to load. */
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DeleteObjectsCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { S3Environment } from './env.ts';

export type S3Object = { readonly key: string; readonly size: number; readonly modifiedMs: number; readonly tag: string };
export type S3Content = { readonly content: Buffer; readonly tag: string };

export type S3ObjectsOptions = {
  readonly bucket: string;
  readonly environment: S3Environment;
  /** A connection on which nothing moves for so long is given up. */
  readonly timeoutMs: number;
  /** Tries of one request within the SDK, for what passes at once; 2 at least, since the server may end a kept connection as we take it. */
  readonly tries: number;
  /** Objects above this size go up in parts. */
  readonly multipartBytes: number;
};

/** Of S3; more than this in one request is refused. */
const DELETE_AT_ONCE = 1000;
const PART_BYTES = 16 * 2 ** 20;

export type S3Objects = ReturnType<typeof openS3Objects>;

/** Opens nothing yet; credentials and region come from the SDK's usual chain. Methods throw what the SDK throws. Keys are full keys. */
export function openS3Objects({ bucket: Bucket, environment, timeoutMs, tries, multipartBytes }: S3ObjectsOptions) {
  const { endpoint, region } = environment;
  const client = new S3Client({
    // Servers other than AWS seldom have a name for each bucket, nor a region that matters.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true, region: region ?? 'us-east-1' }),
    ...(region === undefined ? {} : { region }),
    followRegionRedirects: endpoint === undefined,
    maxAttempts: tries,
    requestHandler: { connectionTimeout: Math.min(timeoutMs, 5000), socketTimeout: timeoutMs, httpsAgent: { maxSockets: 64 } },
  });

  const list = async (Prefix: string, limit = Number.POSITIVE_INFINITY): Promise<S3Object[]> => {
    const objects: S3Object[] = [];
    let ContinuationToken: string | undefined;
    do {
      const MaxKeys = Math.min(limit, 1000);
      const page = await client.send(
        new ListObjectsV2Command({ Bucket, Prefix, MaxKeys, ...(ContinuationToken && { ContinuationToken }) }),
      );
      for (const { Key, Size, LastModified, ETag } of page.Contents ?? []) {
        if (Key === undefined) continue;
        objects.push({ key: Key, size: Size ?? 0, modifiedMs: LastModified?.getTime() ?? 0, tag: ETag ?? '' });
      }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined && objects.length < limit);
    return objects;
  };

  const uploadParts = async (Key: string, Body: Buffer | Readable): Promise<void> => {
    const params = { Bucket, Key, Body, ChecksumAlgorithm: 'CRC32' } as const;
    // Parts of a failed upload are removed; those of a killed process by the bucket's lifecycle rule.
    await new Upload({ client, params, partSize: PART_BYTES, queueSize: 4, leavePartsOnError: false }).done();
  };

  const put = async (Key: string, Body: Buffer): Promise<void> => {
    if (Body.byteLength > multipartBytes) await uploadParts(Key, Body);
    else await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentLength: Body.byteLength, ChecksumAlgorithm: 'CRC32' }));
  };

  return {
    list,
    put,

    /** Puts the object over the version that `tag` names, or as the first; the SDK throws a 412 (or a 404) where something else stands there. */
    async putOver(Key: string, Body: Buffer, tag: string | undefined): Promise<string> {
      const condition = tag === undefined ? { IfNoneMatch: '*' } : { IfMatch: tag };
      const answer = await client.send(
        new PutObjectCommand({ Bucket, Key, Body, ContentLength: Body.byteLength, ChecksumAlgorithm: 'CRC32', ...condition }),
      );
      return answer.ETag ?? '';
    },

    /** The object; with `IfNoneMatch` given, the SDK throws a 304 for that version. The length is checked, and the checksum where there is one. */
    async get(Key: string, IfNoneMatch?: string): Promise<S3Content> {
      const answer = await client.send(new GetObjectCommand({ Bucket, Key, ...(IfNoneMatch && { IfNoneMatch }) }));
      const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
      checkLength(bytes.byteLength, answer.ContentLength);
      return { content: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), tag: answer.ETag ?? '' };
    },

    /** Streams the version that `tag` names into a new file; a 412 says that it is no longer there. */
    async download({ key: Key, tag, size }: S3Object, path: string): Promise<void> {
      const answer = await client.send(new GetObjectCommand({ Bucket, Key, ...(tag && { IfMatch: tag }) }));
      const file = createWriteStream(path);
      if (answer.Body instanceof Readable) await pipeline(answer.Body, file);
      else file.end();
      checkLength(file.bytesWritten, size);
    },

    /** Uploads a file of this machine. */
    async upload(path: string, size: number, key: string): Promise<void> {
      if (size > multipartBytes) await uploadParts(key, createReadStream(path));
      else await put(key, await readFile(path));
    },

    /** Removes objects; those that are gone already are no error. */
    async remove(keys: readonly string[]): Promise<void> {
      for (let first = 0; first < keys.length; first += DELETE_AT_ONCE) {
        const Objects = keys.slice(first, first + DELETE_AT_ONCE).map((Key) => ({ Key }));
        const answer = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
        const [error] = answer.Errors ?? [];
        if (error) throw Object.assign(new Error(error.Message), { name: error.Code ?? 'Error', $metadata: answer.$metadata });
      }
    },
  };
}

function checkLength(found: number, expected: number | undefined): void {
  if (expected === undefined || found === expected) return;
  throw Object.assign(new Error(`${found} of ${expected} bytes came`), { name: 'IncompleteBody' });
}
