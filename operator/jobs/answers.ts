/** Answers of the API server that are asked for only when someone needs them, and then rarely. */

type AnswersOptions<Answer> = {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** How long an answer is used. */
  readonly keepMs: (answer: Answer | undefined) => number;
};

/** Asks for the answer to `key`, or returns a recent one; undefined if there is none. Never rejects. */
type Answers<Answer> = (key: string, ask: () => Promise<Answer | undefined>) => Promise<Answer | undefined>;

type Asked<Answer> = { readonly askedMs: number; readonly answer: Promise<Answer | undefined>; readonly hasFailed: () => boolean };

const MOST_ANSWERS = 1000;
/** An answer may be expensive for the server. If many are needed, it is already busy. */
const MOST_AT_ONCE = 8;
/** After a rejection, the answer before is used for this long. */
const KEEP_AFTER_FAILURE_MS = 60_000;

/** Create one for the whole operator: it limits the number of concurrent requests and of stored answers. */
export function createAnswers<Answer>({ now, keepMs }: AnswersOptions<Answer>): Answers<Answer> {
  let asking = 0;
  const answers = new Map<string, Asked<Answer>>();
  return async (key, ask) => {
    const before = answers.get(key);
    const known = await before?.answer;
    const latest = answers.get(key);
    // Another caller has asked meanwhile.
    if (latest !== before) return await latest?.answer;
    if (before !== undefined && now() - before.askedMs < (before.hasFailed() ? KEEP_AFTER_FAILURE_MS : keepMs(known))) return known;
    if (asking >= MOST_AT_ONCE) return known;
    asking += 1;
    let failed = false;
    const answer = ask()
      .catch(() => {
        failed = true;
        return known;
      })
      .finally(() => {
        asking -= 1;
      });
    answers.delete(key);
    answers.set(key, { askedMs: now(), answer, hasFailed: () => failed });
    // A Map keeps insertion order: the oldest answers are dropped first.
    for (const old of answers.keys()) if (answers.size > MOST_ANSWERS) answers.delete(old);
    return await answer;
  };
}
