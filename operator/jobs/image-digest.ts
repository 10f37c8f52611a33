/** Whether an image is named by its digest. A tag may move while experiments go on, and their attempts then run different things under one name. */
export function isDigest(image: string): boolean {
  return /@sha256:[0-9a-f]{64}$/.test(image);
}
