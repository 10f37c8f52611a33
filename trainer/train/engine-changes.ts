/** A fold whose parts were trained by different engines does not end with the bits of an uninterrupted training. */
import { isDeepStrictEqual } from 'node:util';
import type { EngineIdentity } from '@carpal/artifacts/checkpoint-record.ts';

/** So many engines are recorded; a fold that wanders further keeps the newest. */
const MOST_ENGINES = 16;

/** The engines, in the order of their first use, when `engine` trains next. */
export function withEngine(engines: readonly EngineIdentity[], engine: EngineIdentity): readonly EngineIdentity[] {
  const isKnown = engines.some((known) => isDeepStrictEqual(known, engine));
  return isKnown ? engines : [...engines, engine].slice(-MOST_ENGINES);
}

const NAMES: Readonly<Record<keyof EngineIdentity, string>> = {
  threads: 'threads',
  instructions: 'instruction set',
  device: 'device',
  build: 'build',
};

/** The warning for a fold that these engines have trained, one after the other; undefined for a single engine. */
export function engineWarning(engines: readonly EngineIdentity[]): string | undefined {
  const differences = (Object.keys(NAMES) as (keyof EngineIdentity)[]).flatMap((field) => {
    const values = [...new Set(engines.map((engine) => String(engine[field])))];
    return values.length < 2 ? [] : [`${NAMES[field]} ${values.join(', then ')}`];
  });
  if (differences.length === 0) return undefined;
  return `the fold was trained in parts on different engines, so its weights are not those of an uninterrupted training to the last bit: ${differences.join('; ')}`;
}
