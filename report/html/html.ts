/** Text for use in HTML content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}

/** An image as part of the page itself. */
export function dataUri(bytes: Buffer, type: 'image/jpeg' | 'image/png'): string {
  return `data:${type};base64,${bytes.toString('base64')}`;
}
