import { createHash } from 'node:crypto';
import {
  type CheckpointRecord,
  checkpointRecordText,
  type EngineIdentity,
  parseCheckpointRecord,
  type WeightsFile,
} from '@carpal/artifacts/checkpoint-record.ts';
import type { ArtifactStore, StoredObject } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { withSortedKeys } from '@carpal/configs/json.ts';
import { modelInEarlierForm } from '@carpal/configs/schema/earlier-options.ts';
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { decodeSafetensors, encodeSafetensors } from '../engine/safetensors.ts';
import { VALIDATION_THRESHOLD } from './validate.ts';

/** The state of a fold for its checkpoint, except for the names of its weights files. */
export type RecordBody = Omit<CheckpointRecord, 'version' | 'writer' | 'last' | 'best' | 'trains' | 'engines'>;

export type BestMark = { readonly epoch: number; readonly dice: number };

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * The checkpoints of one fold under `<fold key>/checkpoint/`. While a fold trains, the names of its weights files contain their hash
 * (`last-1f0c….safetensors`). state.json is written after them and names the two that are valid; only then are older files removed. So a
 * kill between any two writes leaves the previous checkpoint intact. A finished fold has plain names, `last.safetensors` and
 * `best.safetensors`.
 * If two processes train the same fold (Kubernetes may start a Job's pod twice, and a disconnected machine keeps running), the one that
 * loaded last owns it. Loading writes the process's name into state.json, and state.json is only ever written over the version that was
 * read last. The other process gets `fold-taken` at its next save, and has removed no file that the record names.
 */
export class FoldCheckpoints {
  readonly #store: ArtifactStore;
  readonly #folder: string;
  readonly #trains: string;
  readonly #acceptsOld: (trains: string) => boolean;
  readonly #writer: string;
  #metadata: Record<string, string> = {};
  #engines: readonly EngineIdentity[] = [];
  #best: CheckpointRecord['best'] = null;
  #record: CheckpointRecord | undefined;
  /** The version of state.json that this process may overwrite. Undefined if the file does not exist. */
  #tag: string | undefined;

  /**
   * `folder`: key of the checkpoint folder; `trains`: see trainingFingerprint; `writer`: a name that no other process has; `acceptsOld`:
   * whether another fingerprint is one of an earlier version for the same training.
   */
  constructor(store: ArtifactStore, folder: string, trains: string, writer: string, acceptsOld = (_trains: string): boolean => false) {
    this.#store = store;
    this.#folder = folder;
    this.#trains = trains;
    this.#acceptsOld = acceptsOld;
    this.#writer = writer;
  }

  /** Sets the metadata of the weights files that are written from now on. */
  describeWeights(metadata: Record<string, string>): void {
    this.#metadata = metadata;
  }

  /** Sets the engines of the records that are saved from now on. */
  describeEngines(engines: readonly EngineIdentity[]): void {
    this.#engines = engines;
  }

  get best(): CheckpointRecord['best'] {
    return this.#best;
  }

  /** The current record, after a load or save. */
  get record(): CheckpointRecord | undefined {
    return this.#record;
  }

  /**
   * The record of the last complete checkpoint, or undefined if the fold has none. Afterwards no process that loaded it earlier can save.
   * Removes files that a killed save left behind. Does not change the record of a finished fold.
   */
  async load(): Promise<CheckpointRecord | undefined> {
    for (;;) {
      const found = await this.#read();
      this.#tag = found?.tag;
      this.#record = found?.record;
      this.#best = found?.record.best ?? null;
      if (found?.record.finished) await this.#removeUnnamed(found.record, await this.#store.list(this.#folder));
      // If the commit fails, the previous process has saved again, so this process loads the newer record.
      if (!found || found.record.finished || (await this.#commit(found.record))) return this.#record;
    }
  }

  /** The arrays of a weights file. Throws `checkpoint-invalid` if the file is missing or its hash differs. */
  async readWeights(file: WeightsFile): Promise<NamedArrays> {
    const where = this.#key(file.file);
    const bytes = await this.#store.readIfPresent(where);
    if (!bytes) throw new CarpalError('checkpoint-invalid', 'state.json names a weights file that does not exist', { where });
    const found = sha256Of(bytes);
    if (found !== file.sha256) {
      throw new CarpalError(
        'checkpoint-invalid',
        `the weights file is damaged: its SHA-256 is ${found}, but state.json says ${file.sha256}`,
        {
          where,
        },
      );
    }
    return decodeSafetensors(bytes).arrays;
  }

  /** Writes `arrays` (model only) as the best weights so far. They become valid with the next `save`. */
  async keepBest(arrays: NamedArrays, mark: BestMark): Promise<void> {
    this.#best = { ...(await this.#writeWeights('best', arrays)), ...mark };
  }

  /**
   * Saves the whole state: first the weights file, then state.json, which makes it and the best weights valid. Then removes files that are
   * no longer valid. Throws `fold-taken` if another process has taken over the fold.
   */
  async save(arrays: NamedArrays, body: RecordBody): Promise<void> {
    const last = await this.#writeWeights('last', arrays);
    await this.#mustCommit({
      version: 1,
      writer: this.#writer,
      trains: this.#trains,
      engines: [...this.#engines],
      ...body,
      last,
      best: this.#best,
    });
  }

  /** Stores the weights of a completed fold under their plain names and marks the fold as finished. Throws the errors of `save`. */
  async finish(record: CheckpointRecord): Promise<void> {
    // All processes use the same plain names, so they are written only after it is certain that this process still owns the fold.
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
    if (record.trains !== this.#trains && !this.#acceptsOld(record.trains)) {
      throw new CarpalError('checkpoint-invalid', 'the checkpoint belongs to another experiment', { where });
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
    const what = other ? `${other} has taken over this fold` : 'the checkpoint was removed, or another process wrote it';
    throw new CarpalError('fold-taken', what, { where: this.#key('state.json') });
  }

  /**
   * Writes state.json over the version that was read last, then removes files that are no longer valid. Returns false, without any change,
   * if another process has written it. Removes only files that existed before the write, because later files may belong to a process that
   * has taken over since.
   */
  async #commit(record: CheckpointRecord): Promise<boolean> {
    const mine = { ...record, trains: this.#trains, writer: this.#writer };
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
 * A hash of everything in a manifest that determines a fold's weights: with the same hash and the same data, two folds end with the same
 * weights. The location of the data set is not included, because the hash of the prepared set represents its content. Fields about how,
 * where and for whom the experiment runs are not included either, nor are inference and ensemble, which may change later.
 */
export function trainingFingerprint(spec: ExperimentSpec, fold: number): string {
  return fingerprintWith(spec, fold, VALIDATION_THRESHOLD);
}

/**
 * Whether a fingerprint is the one that version 0.1 and earlier had for this training. These validated with inference.threshold and had it in
 * the hash. The threshold may have changed since, so every one with at most two decimals is tried.
 */
export function isOldFingerprint(spec: ExperimentSpec, fold: number): (trains: string) => boolean {
  const thresholds = [spec.inference.threshold, ...Array.from({ length: 99 }, (_, index) => (index + 1) / 100)];
  return (trains) => thresholds.some((threshold) => fingerprintWith(spec, fold, threshold) === trains);
}

function fingerprintWith(spec: ExperimentSpec, fold: number, threshold: number): string {
  const { input, augmentations, loss, optimizer, scheduler, training } = spec;
  const model = modelInEarlierForm(spec.model);
  const learned = { fold, split: spec.dataset.split, classes: spec.dataset.classes, model, input, augmentations, loss, optimizer };
  // Earlier versions had training.engine with the default 'auto'. It stays in the hash, so that their checkpoints remain valid.
  const run = { scheduler, training: { ...training, engine: 'auto' }, threshold };
  return createHash('sha256')
    .update(JSON.stringify(withSortedKeys({ ...learned, ...run })))
    .digest('hex');
}
