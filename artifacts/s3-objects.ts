/** The requests to one bucket that a store needs. Imported only when an S3 store is used, because the SDK loads slowly. */
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { S3Environment } from './env.ts';
import { tooLarge } from './store.ts';

export type S3Object = { readonly key: string; readonly size: number; readonly modifiedMs: number; readonly tag: string };
export type S3Content = { readonly content: Buffer; readonly tag: string };

/** Gets the number of bytes of one object that have been transferred so far. */
export type OnBytes = (bytes: number) => void;
const IGNORE_BYTES: OnBytes = () => undefined;

export type S3ObjectsOptions = {
  readonly bucket: string;
  readonly environment: S3Environment;
  /** A connection without traffic for this long is closed. */
  readonly timeoutMs: number;
  /**
   * Attempts of one request within the SDK, for brief failures. At least 2: the server may close a kept-alive connection just as it is
   * reused.
   */
  readonly attempts: number;
  /** Larger objects are uploaded in parts. */
  readonly multipartBytes: number;
};

/** S3 refuses more keys in one request. */
const DELETE_AT_ONCE = 1000;
const PART_BYTES = 16 * 2 ** 20;

export type S3Objects = ReturnType<typeof openS3Objects>;

/**
 * Opens no connection yet. Credentials and region come from the SDK's default chain. Methods throw the SDK's errors. Keys are full keys.
 */
export function openS3Objects({ bucket: Bucket, environment, timeoutMs, attempts, multipartBytes }: S3ObjectsOptions) {
  const { endpoint, region } = environment;
  const client = new S3Client({
    // Servers other than AWS rarely have a host name per bucket, and their region does not matter.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true, region: region ?? 'us-east-1' }),
    ...(region === undefined ? {} : { region }),
    followRegionRedirects: endpoint === undefined,
    maxAttempts: attempts,
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
      objects.push(...objectsOf(page));
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined && objects.length < limit);
    return objects;
  };

  const uploadParts = async (Key: string, Body: Buffer | Readable, onBytes: OnBytes): Promise<void> => {
    const params = { Bucket, Key, Body, ChecksumAlgorithm: 'CRC32' } as const;
    // Removes the parts of a failed upload. The bucket's lifecycle rule removes those of a killed process.
    const upload = new Upload({ client, params, partSize: PART_BYTES, queueSize: 4, leavePartsOnError: false });
    upload.on('httpUploadProgress', ({ loaded = 0 }) => onBytes(loaded));
    await upload.done();
  };

  const put = async (Key: string, Body: Buffer, onBytes: OnBytes): Promise<void> => {
    if (Body.byteLength > multipartBytes) await uploadParts(Key, Body, onBytes);
    else {
      const answer = await client.send(
        new PutObjectCommand({ Bucket, Key, Body, ContentLength: Body.byteLength, ChecksumAlgorithm: 'CRC32' }),
      );
      checkTag(answer.ETag);
    }
  };

  return {
    list,
    put,

    /** Puts the object over the version of `tag`, or as the first version. The SDK throws 412 (or 404) if another version exists. */
    async putOver(Key: string, Body: Buffer, tag: string | undefined): Promise<string> {
      const condition = tag === undefined ? { IfNoneMatch: '*' } : { IfMatch: tag };
      const answer = await client.send(
        new PutObjectCommand({ Bucket, Key, Body, ContentLength: Body.byteLength, ChecksumAlgorithm: 'CRC32', ...condition }),
      );
      return checkTag(answer.ETag);
    },

    /**
     * The object. The SDK throws 304 for the version `IfNoneMatch`. Checks the length, and the checksum if there is one. Throws
     * `artifact-too-large` for more than `maxBytes`.
     */
    async get(Key: string, { tag: IfNoneMatch, maxBytes, onBytes = IGNORE_BYTES }: GetOptions = {}): Promise<S3Content> {
      const answer = await client.send(new GetObjectCommand({ Bucket, Key, ...(IfNoneMatch && { IfNoneMatch }) }));
      const { Body, ContentLength, ETag } = answer;
      const parts: Buffer[] = [];
      let length = 0;
      const refuseMore = (bytes: number): void => {
        if (maxBytes !== undefined && bytes > maxBytes) throw tooLarge(maxBytes, `s3://${Bucket}/${Key}`);
      };
      if (Body instanceof Readable) {
        try {
          refuseMore(ContentLength ?? 0);
          for await (const part of Body as AsyncIterable<Buffer>) {
            length += part.byteLength;
            refuseMore(length);
            parts.push(part);
            onBytes(length);
          }
        } finally {
          Body.destroy();
        }
      }
      checkLength(length, ContentLength);
      return { content: Buffer.concat(parts, length), tag: checkTag(ETag) };
    },

    /** Streams the version of `tag` into a new file. The SDK throws 412 if the version no longer exists. */
    async download({ key: Key, tag, size }: S3Object, path: string, onBytes: OnBytes): Promise<void> {
      const answer = await client.send(new GetObjectCommand({ Bucket, Key, ...(tag && { IfMatch: tag }) }));
      checkTag(answer.ETag);
      const file = createWriteStream(path);
      if (answer.Body instanceof Readable) await pipeline(answer.Body, counting(onBytes), file);
      else file.end();
      checkLength(file.bytesWritten, size);
    },

    /** Uploads a local file. */
    async upload(path: string, size: number, key: string, onBytes: OnBytes): Promise<void> {
      if (size > multipartBytes) await uploadParts(key, createReadStream(path), onBytes);
      else await put(key, await readFile(path), onBytes);
    },

    /** Removes objects. It is not an error if some no longer exist. */
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

function objectsOf({ Name, Contents }: ListObjectsV2CommandOutput): S3Object[] {
  if (Name === undefined && Contents === undefined) throw notAStore('list of objects');
  return (Contents ?? []).flatMap(({ Key, Size, LastModified, ETag }) =>
    Key === undefined ? [] : [{ key: Key, size: Size ?? 0, modifiedMs: LastModified?.getTime() ?? 0, tag: ETag ?? '' }],
  );
}

export type GetOptions = { readonly tag?: string | undefined; readonly maxBytes?: number | undefined; readonly onBytes?: OnBytes };

/** Passes everything on and reports how much that was. */
function counting(onBytes: OnBytes): Transform {
  let bytes = 0;
  return new Transform({
    transform(part: Buffer, _encoding, done) {
      bytes += part.byteLength;
      onBytes(bytes);
      done(null, part);
    },
  });
}

/** The error for a successful response that no S3 server gives: a proxy or a login page answers in its place. */
const notAStore = (what: string): Error => Object.assign(new Error(`the response has no ${what}`), { name: 'NotAStore' });

function checkTag(tag: string | undefined): string {
  if (tag === undefined) throw notAStore('ETag');
  return tag;
}

function checkLength(found: number, expected: number | undefined): void {
  if (expected === undefined || found === expected) return;
  throw Object.assign(new Error(`received ${found} of ${expected} bytes`), { name: 'IncompleteBody' });
}
