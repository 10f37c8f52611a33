import { LogText } from './log-text.ts';
import type { ArtifactStore } from './store.ts';

/** The log of a stage in the artifact store. A log that cannot be stored never fails the stage. */
export class StageLog {
  readonly #store: ArtifactStore;
  readonly #key: string;
  readonly #text = new LogText();
  #storedVersion = 0;
  #storing: Promise<void> | undefined;

  /** `store` should give up soon: the last upload delays the end of the stage. */
  constructor(store: ArtifactStore, key: string) {
    this.#store = store;
    this.#key = key;
  }

  add(text: string): void {
    this.#text.add(text);
  }

  /**
   * Stores the whole log as it is when the returned promise resolves, unless the store refuses it. Does nothing if nothing was added since
   * the last time.
   */
  async upload(): Promise<void> {
    // An earlier upload may have begun before the last lines were added. Uploads run one after the other, so that an older log never
    // replaces a newer one.
    await this.#storing;
    if (this.#text.version === this.#storedVersion) return;
    this.#storing ??= this.#uploadOnce().finally(() => {
      this.#storing = undefined;
    });
    await this.#storing;
  }

  async #uploadOnce(): Promise<void> {
    const { version } = this.#text;
    await this.#store.write(this.#key, this.#text.toString()).then(
      () => {
        this.#storedVersion = version;
      },
      () => undefined,
    );
  }
}
