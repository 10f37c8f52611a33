/** A scheduler counts afresh whenever a node comes or goes; the cause is the same as long as only its numbers change. */
const withoutNumbers = (text: string): string => text.replaceAll(/\d+/g, '#');

/** Whether two messages differ in nothing but their numbers. */
export function sameWords(a: string, b: string): boolean {
  return withoutNumbers(a) === withoutNumbers(b);
}
