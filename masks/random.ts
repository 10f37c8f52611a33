/**
 * Random numbers that depend on names, not on history. The numbers for (seed, epoch, image) do not depend on the order of requests, so
 * resumed and parallel runs draw the same numbers as an uninterrupted one, and there is no generator state to save.
 */
export type Random = {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform in [low, high). */
  range(low: number, high: number): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
  /** Standard normal. */
  normal(): number;
};

/** A generator for the place that the labels name (sfc32, seeded with an FNV-1a hash of the seed and the labels). */
export function randomFor(seed: number, ...labels: readonly (string | number)[]): Random {
  const text = [seed, ...labels].join('\u0000');
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x811c9dc5];
  for (let i = 0; i < text.length; i++) d = Math.imul(d ^ text.charCodeAt(i), 0x01000193);
  const next32 = (): number => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return t >>> 0;
  };
  for (let i = 0; i < 16; i++) next32();
  const next = (): number => next32() / 4294967296;
  return {
    next,
    range: (low, high) => low + (high - low) * next(),
    integer: (bound) => Math.floor(next() * bound),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}

/** A new array with the items in random order (Fisher–Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j] as T, order[i] as T];
  }
  return order;
}
