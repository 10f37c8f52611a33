import { createHash } from 'node:crypto';
import {
  type CheckpointRecord,
  checkpointRecordText,
  parseCheckpointRecord,
  type WeightsFile,
} from '@carpal/artifacts/checkpoint-record.ts';
import type { ArtifactStore, StoredObject } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { withSortedKeys } from '@carpal/configs/json.ts';
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { decodeSafetensors, encodeSafetensors } from '../engine/safetensors.ts';

/** What is known of a fold when its checkpoint is saved, beside the names of its weights files. */
export type RecordBody = Omit<CheckpointRecord, 'version' | 'writer' | 'last' | 'best' | 'trains'>;

export type BestMark = { readonly epoch: number; readonly dice: number };

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * The checkpoints of one fold under `<fold key>/checkpoint/`. While a fold trains, its weights files carry their hash in their names
 * (`last-1f0c….safetensors`); state.json, written after them, says which two count; only then are older ones removed. So a kill between
 * any two writes leaves the previous checkpoint whole. A finished fold has plain `last.safetensors` and `best.safetensors`.
 *
 * Of two processes that train one fold at the same time (Kubernetes may start a Job's pod twice, and a machine that was cut off goes on)
 * the one that loaded last counts: loading puts its name into state.json, and state.json is only ever written over the version last seen.
 * The other one meets `fold-taken` at its next save, and has removed nothing that the record names.
 */
export class FoldCheckpoints {
  readonly #store: ArtifactStore;
  readonly #folder: string;
  readonly #trains: string;
  readonly #writer: string;
  #metadata: Record<string, string> = {};
  #best: CheckpointRecord['best'] = null;
  #record: CheckpointRecord | undefined;
  /** The version of state.json that this process may write over; undefined while there is none. */
  #tag: string | undefined;

  /** `folder`: key of the checkpoint folder; `trains`: what the fold trains (see fingerprint.ts); `writer`: names this process and no other. */
  constructor(store: ArtifactStore, folder: string, trains: string, writer: string) {
    this.#store = store;
    this.#folder = folder;
    this.#trains = trains;
    this.#writer = writer;
  }

  /** What weights files written from now on say of themselves. */
  describeWeights(metadata: Record<string, string>): void {
    this.#metadata = metadata;
  }

  get best(): CheckpointRecord['best'] {
    return this.#best;
  }

  /** The checkpoint that stands, once it was loaded or saved. */
  get record(): CheckpointRecord | undefined {
    return this.#record;
  }

  /**
   * The record of the last whole checkpoint, or undefined where the fold has none. From here on no other process that had loaded it
   * before can save; leftovers of a killed save are removed. A finished fold is left as it is.
   */
  async load(): Promise<CheckpointRecord | undefined> {
    for (;;) {
      const found = await this.#read();
      this.#tag = found?.tag;
      this.#record = found?.record;
      this.#best = found?.record.best ?? null;
      if (found?.record.finished) await this.#removeUnnamed(found.record, await this.#store.list(this.#folder));
      // Where it fails, the process before us has saved once more: what it saved is what we go on from.
      if (!found || found.record.finished || (await this.#commit(found.record))) return this.#record;
    }
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

  /**
   * Saves the whole state: the weights file first, then state.json, which makes it and the best count; then removes what no longer counts.
   * Throws `fold-taken` where another process has gone on with the fold.
   */
  async save(arrays: NamedArrays, body: RecordBody): Promise<void> {
    const last = await this.#writeWeights('last', arrays);
    await this.#mustCommit({ version: 1, writer: this.#writer, trains: this.#trains, ...body, last, best: this.#best });
  }

  /** Gives the weights of a fold that is done their plain names and marks it finished. Throws `fold-taken` as `save` does. */
  async finish(record: CheckpointRecord): Promise<void> {
    // The plain names are the same for every process: they are not touched before it is sure that the fold is still ours.
    await this.#mustCommit(record);
    const renamed = async (file: WeightsFile, name: string): Promise<WeightsFile> => {
      const bytes = await this.#store.read(this.#key(file.file));
      await this.#store.write(this.#key(name), bytes);
      return { file: name, sha256: file.sha256 };
    };
    const last = await renamed(record.last, 'last.safetensors');
    const best = record.best && { ...record.best, ...(await renamed(record.best, 'best.safetensors')) };
    this.#best = best;
    await this.#mustCommit({ ...record, finished: true, last, best });
  }

  #key(file: string): string {
    return `${this.#folder}/${file}`;
  }

  async #read(): Promise<{ readonly record: CheckpointRecord; readonly tag: string } | undefined> {
    const where = this.#key('state.json');
    const found = await this.#store.readIfChanged(where);
    if (!found || found === 'unchanged') return undefined;
    const record = parseCheckpointRecord(found.content, where);
    if (record.trains !== this.#trains) {
      throw new CarpalError('checkpoint-invalid', 'the checkpoint was made by another experiment', { where });
    }
    return { record, tag: found.tag };
  }

  async #writeWeights(kind: 'last' | 'best', arrays: NamedArrays): Promise<WeightsFile> {
    const bytes = encodeSafetensors(arrays, this.#metadata);
    const sha256 = sha256Of(bytes);
    const file = `${kind}-${sha256.slice(0, 16)}.safetensors`;
    await this.#store.write(this.#key(file), bytes);
    return { file, sha256 };
  }

  async #mustCommit(record: CheckpointRecord): Promise<void> {
    if (await this.#commit(record)) return;
    const other = (await this.#read())?.record.writer;
    const what = other ? `${other} has gone on with this fold` : 'the checkpoint is gone or was written by another process';
    throw new CarpalError('fold-taken', what, { where: this.#key('state.json') });
  }

  /**
   * Writes state.json over the version last seen, then removes the files that no longer count; false, with nothing changed, where another
   * process has written it. What is removed was there before the write: files that come later belong to whoever may have taken over since.
   */
  async #commit(record: CheckpointRecord): Promise<boolean> {
    const mine = { ...record, writer: this.#writer };
    const before = await this.#store.list(this.#folder);
    const written = await this.#store.writeIfUnchanged(this.#key('state.json'), checkpointRecordText(mine), this.#tag);
    if (written === 'changed') return false;
    this.#tag = written.tag;
    this.#record = mine;
    await this.#removeUnnamed(mine, before);
    return true;
  }

  async #removeUnnamed({ last, best }: CheckpointRecord, found: readonly StoredObject[]): Promise<void> {
    const named = new Set(['state.json', last.file, ...(best ? [best.file] : [])].map((file) => this.#key(file)));
    for (const { key } of found) if (!named.has(key)) await this.#store.remove(key);
  }
}

/**
 * A hash of everything in a manifest that a fold's weights depend on: with the same one and the same data, two folds end in the same weights. The place of the data
 * set is left out (the hash of the prepared set stands for its content), and so is everything about how, where and for whom the experiment runs.
 */
export function trainingFingerprint(spec: ExperimentSpec, fold: number): string {
  const { model, input, augmentations, loss, optimizer, scheduler, training } = spec;
  const learned = { fold, split: spec.dataset.split, classes: spec.dataset.classes, model, input, augmentations, loss, optimizer };
  const run = { scheduler, training, threshold: spec.inference.threshold };
  return createHash('sha256')
    .update(JSON.stringify(withSortedKeys({ ...learned, ...run })))
    .digest('hex');
}
