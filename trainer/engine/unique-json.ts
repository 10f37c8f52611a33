/** The tokens of JSON that decide where names stand: strings, brackets, colons and commas. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g;

/**
 * JSON.parse for an object in which no name may stand twice, at any depth: JSON.parse keeps the last of them in silence, another reader the
 * first, and a file must not mean two things. SyntaxError for text that is no JSON object or repeats a name.
 */
export function parseJsonObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('not a JSON object');
  refuseRepeatedNames(text);
  return value as Record<string, unknown>;
}

/** `text` is valid JSON, so a string before a colon is a name of the innermost object. */
function refuseRepeatedNames(text: string): void {
  const names: Set<string>[] = [];
  let previous = '';
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') names.push(new Set());
    else if (token === '}' || token === ']') names.pop();
    else if (token === ':') {
      const name = JSON.parse(previous) as string;
      const seen = names.at(-1);
      if (seen?.has(name)) throw new SyntaxError(`the name ${JSON.stringify(name)} stands twice`);
      seen?.add(name);
    }
    previous = token;
  }
}
