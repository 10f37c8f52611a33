const VOID = new Set(['meta', 'img', 'br', 'hr', 'input', 'link']);
/** SVG elements may close themselves. */
const SELF_CLOSED = /\/$/;

/**
 * Returns the elements of a page with their attributes, in order. Throws if elements do not nest, an attribute is not quoted or a text has
 * an unescaped `<`. Sufficient for the pages that we write.
 */
function parseHtml(page: string): { readonly tag: string; readonly attributes: ReadonlyMap<string, string> }[] {
  const open: string[] = [];
  const elements: { tag: string; attributes: Map<string, string> }[] = [];
  const body = page.replace(/^<!doctype html>\s*/i, '').replace(/<style>[^<]*<\/style>/g, '<style></style>');
  let end = 0;
  for (const match of body.matchAll(/<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z][a-zA-Z0-9-]*(?:="[^"<]*")?)*)\s*(\/?)>/gi)) {
    const text = body.slice(end, match.index);
    if (/[<>]/.test(text)) throw new Error(`unescaped bracket in a text: ${text.slice(0, 200)}`);
    end = match.index + match[0].length;
    const [, slash, tag = '', attributes = '', closed = ''] = match;
    if (slash) {
      const last = open.pop();
      if (last !== tag) throw new Error(`</${tag}> closes <${last}> at ${body.slice(Math.max(0, match.index - 120), end)}`);
      continue;
    }
    const pairs = [...attributes.matchAll(/([a-zA-Z][a-zA-Z0-9-]*)(?:="([^"]*)")?/g)].map(
      ([, name = '', value = '']) => [name, value] as const,
    );
    elements.push({ tag, attributes: new Map(pairs) });
    if (!VOID.has(tag) && !SELF_CLOSED.test(closed)) open.push(tag);
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(' ')}`);
  return elements;
}

/**
 * The violations of the rules for all our pages: one h1, named charts and tables, table headers with a scope, nothing loaded from
 * elsewhere.
 */
export function pageFaults(page: string): string[] {
  const elements = parseHtml(page);
  const faults = elements.flatMap(({ tag, attributes }) => {
    if (tag === 'table' && !attributes.get('aria-label')) return ['a table without a name'];
    if (tag === 'th' && !attributes.get('scope')) return ['a table header without a scope'];
    if (tag === 'svg' && !attributes.get('aria-label')) return ['a chart without a name'];
    if (tag === 'img' && !attributes.has('alt')) return ['an image without an alternative text'];
    return tag === 'script' || tag === 'link' ? [`<${tag}>`] : [];
  });
  if (elements.filter(({ tag }) => tag === 'h1').length !== 1) faults.push('not exactly one h1');
  // Base64 may contain any word.
  const text = page.replace(/data:image\/[a-z]+;base64,[^"]*/g, 'data:');
  if (/(?:src|href)="(?!data:)|url\(|@import|NaN|undefined|Infinity/.test(text))
    faults.push('loads something from elsewhere, or shows a value that is not a number');
  return faults;
}
