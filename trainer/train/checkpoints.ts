import { createHash } from 'node:crypto';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { decodeSafetensors, encodeSafetensors } from '../engine/safetensors.ts';
import { type CheckpointRecord, checkpointRecordSchema, type WeightsFile } from './checkpoint-record.ts';

/** What is known of a fold when its checkpoint is saved, beside the names of its weights files. */
export type RecordBody = Omit<CheckpointRecord, 'version' | 'last' | 'best' | 'trains'>;

export type BestMark = { readonly epoch: number; readonly dice: number };

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * The checkpoints of one fold under `<fold key>/checkpoint/`. While a fold trains, its weights files carry their hash in their names
 * (`last-1f0c….safetensors`); state.json, written after them, says which two count; only then are older ones removed. So a kill between
 * any two writes leaves the previous checkpoint whole. A finished fold has plain `last.safetensors` and `best.safetensors`.
 */
export class FoldCheckpoints {
  readonly #store: ArtifactStore;
  readonly #folder: string;
  readonly #trains: string;
  #metadata: Record<string, string> = {};
  #best: CheckpointRecord['best'] = null;

  /** `folder`: key of the checkpoint folder; `trains`: what the fold trains (see fingerprint.ts). */
  constructor(store: ArtifactStore, folder: string, trains: string) {
    this.#store = store;
    this.#folder = folder;
    this.#trains = trains;
  }

  /** What weights files written from now on say of themselves. */
  describeWeights(metadata: Record<string, string>): void {
    this.#metadata = metadata;
  }

  get best(): CheckpointRecord['best'] {
    return this.#best;
  }

  /** The record of the last whole checkpoint, or undefined where the fold has none. Leftovers of a killed save are removed. */
  async load(): Promise<CheckpointRecord | undefined> {
    const bytes = await this.#store.readIfPresent(this.#key('state.json'));
    if (!bytes) return undefined;
    const record = this.#parse(bytes);
    if (record.trains !== this.#trains) {
      throw new CarpalError('checkpoint-invalid', 'the checkpoint was made by another experiment', {
        where: this.#key('state.json'),
      });
    }
    this.#best = record.best;
    await this.#removeUnnamed(record);
    return record;
  }

  /** The arrays of a weights file, once its hash has been checked. */
  async readWeights(file: WeightsFile): Promise<NamedArrays> {
    const where = this.#key(file.file);
    const bytes = await this.#store.readIfPresent(where);
    if (!bytes) throw new CarpalError('checkpoint-invalid', 'state.json names a weights file that is not there', { where });
    const found = sha256Of(bytes);
    if (found !== file.sha256) {
      throw new CarpalError('checkpoint-invalid', `the weights file is damaged: SHA-256 ${found}, state.json says ${file.sha256}`, {
        where,
      });
    }
    return decodeSafetensors(bytes).arrays;
  }

  /** Keeps `arrays` (model only) as the best so far. It counts from the next `save` on. */
  async keepBest(arrays: NamedArrays, mark: BestMark): Promise<void> {
    this.#best = { ...(await this.#writeWeights('best', arrays)), ...mark };
  }

  /** Saves the whole state: the weights file first, then state.json, which makes it and the best count; then removes what no longer counts. */
  async save(arrays: NamedArrays, body: RecordBody): Promise<void> {
    const last = await this.#writeWeights('last', arrays);
    await this.#commit({ version: 1, trains: this.#trains, ...body, last, best: this.#best });
  }

  /** Gives the weights of a fold that is done their plain names and marks it finished. */
  async finish(record: CheckpointRecord): Promise<void> {
    const renamed = async (file: WeightsFile, name: string): Promise<WeightsFile> => {
      const bytes = await this.#store.read(this.#key(file.file));
      await this.#store.write(this.#key(name), bytes);
      return { file: name, sha256: file.sha256 };
    };
    const last = await renamed(record.last, 'last.safetensors');
    const best = record.best && { ...record.best, ...(await renamed(record.best, 'best.safetensors')) };
    this.#best = best;
    await this.#commit({ ...record, finished: true, last, best });
  }

  #key(file: string): string {
    return `${this.#folder}/${file}`;
  }

  #parse(bytes: Buffer): CheckpointRecord {
    try {
      return checkpointRecordSchema.parse(JSON.parse(bytes.toString('utf8')));
    } catch (cause) {
      throw new CarpalError('checkpoint-invalid', 'the record of the checkpoint cannot be read', { where: this.#key('state.json'), cause });
    }
  }

  async #writeWeights(kind: 'last' | 'best', arrays: NamedArrays): Promise<WeightsFile> {
    const bytes = encodeSafetensors(arrays, this.#metadata);
    const sha256 = sha256Of(bytes);
    const file = `${kind}-${sha256.slice(0, 16)}.safetensors`;
    await this.#store.write(this.#key(file), bytes);
    return { file, sha256 };
  }

  async #commit(record: CheckpointRecord): Promise<void> {
    await this.#store.write(this.#key('state.json'), `${JSON.stringify(record, null, 2)}\n`);
    await this.#removeUnnamed(record);
  }

  async #removeUnnamed(record: CheckpointRecord): Promise<void> {
    const named = new Set([this.#key('state.json'), this.#key(record.last.file), ...(record.best ? [this.#key(record.best.file)] : [])]);
    for (const { key } of await this.#store.list(this.#folder)) if (!named.has(key)) await this.#store.remove(key);
  }
}
