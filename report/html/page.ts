import { escapeHtml } from './html.ts';
import { REPORT_STYLE } from './report-style.ts';

/** A whole page as one HTML file that asks nothing of any server: its style is within it, and pictures must be. `body` is HTML. */
export function htmlPage(title: string, body: readonly string[]): string {
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title><style>${REPORT_STYLE}</style>`;
  return `<!doctype html>\n<html lang="en"><head>${head}</head><body><main>${body.join('\n')}</main></body></html>\n`;
}

/** A part of a page under a heading; `content` is HTML. */
export const section = (title: string, content: string): string => `<section><h2>${escapeHtml(title)}</h2>${content}</section>`;

/** A table that scrolls sideways by itself on a narrow screen, by keyboard too. `rows` is HTML; `label` tells what it holds. */
export function wideTable(label: string, rows: string): string {
  const name = escapeHtml(label);
  return `<div class="wide" role="region" aria-label="${name}" tabindex="0"><table aria-label="${name}">${rows}</table></div>`;
}
