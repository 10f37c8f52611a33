/** Resource versions in their order. Since Kubernetes 1.35 they are, by contract, decimal integers that grow, for every resource alike. */

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`. They outgrow 2^53, so they are compared as text. */
export function compareVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
