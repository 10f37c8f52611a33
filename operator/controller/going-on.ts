/** Which experiments go on, by what the last look at each showed, so that what is remembered of one is dropped with it. */
export type GoingOn = {
  /** A look at `namespace/name` shows the experiment of this uid, or none that goes on. */
  note(key: string, uid: string | undefined): void;
};

/** None yet. `onOver` hears of each that has come to its end or is gone, also where another of its name has taken its place. */
export function createGoingOn(onOver: (uid: string) => void): GoingOn {
  const uids = new Map<string, string>();
  return {
    note(key, uid) {
      const before = uids.get(key);
      if (before !== undefined && before !== uid) onOver(before);
      if (uid === undefined) uids.delete(key);
      else uids.set(key, uid);
    },
  };
}
