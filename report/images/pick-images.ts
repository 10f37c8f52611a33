/**
 * The indexes of the images with the lowest and the highest Dice; no image is in both. `worst` starts with the lowest Dice, `best` with the
 * highest.
 */
export function pickExtremes(
  dice: readonly number[],
  count: number,
): { readonly worst: readonly number[]; readonly best: readonly number[] } {
  const order = dice.map((_, index) => index).sort((a, b) => (dice[a] ?? 0) - (dice[b] ?? 0) || a - b);
  const each = Math.min(count, Math.ceil(order.length / 2));
  const worst = order.slice(0, each);
  const best = order.slice(each).reverse().slice(0, each);
  return { worst, best };
}

/** At most `count` of `total` indexes at even distances, starting with 0. */
export function pickEvenly(total: number, count: number): ReadonlySet<number> {
  const picked = Math.min(total, count);
  return new Set(Array.from({ length: picked }, (_, index) => Math.floor((index * total) / picked)));
}
