/** A complete page as one self-contained HTML file with its style sheet; images must be data URIs. `body` is HTML. */
export function htmlPage(title: string, body: readonly string[]): string {
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title><style>${REPORT_STYLE}</style>`;
  return `<!doctype html>\n<html lang="en"><head>${head}</head><body><main>${body.join('\n')}</main></body></html>\n`;
}

/** A section under a heading; `content` is HTML. */
export const section = (title: string, content: string): string => `<section><h2>${escapeHtml(title)}</h2>${content}</section>`;

/** A table that scrolls horizontally on a narrow screen, also by keyboard. `rows` is HTML; `label` names the table. */
export function wideTable(label: string, rows: string): string {
  const name = escapeHtml(label);
  return `<div class="wide" role="region" aria-label="${name}" tabindex="0"><table aria-label="${name}">${rows}</table></div>`;
}

/** Escapes text for HTML content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}

/** An image as a data URI. */
export function dataUri(bytes: Buffer, type: 'image/jpeg' | 'image/png'): string {
  return `data:${type};base64,${bytes.toString('base64')}`;
}

/** The style sheet of all pages: light or dark as the reader's system, and suitable for print. */
const REPORT_STYLE = `
:root { color-scheme: light dark; --ground: #fbfbfa; --card: #fff; --text: #1d2127; --dim: #6a7280; --line: #e3e5e8; --accent: #2f6fdb; --track: #eceef1; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171c; --card: #1b1f26; --text: #e8eaee; --dim: #959dab; --line: #2c323c; --accent: #6ea2ff; --track: #272d36; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1200px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 44px 0 12px; }
p { margin: 6px 0; max-width: 78ch; }
.dim, figcaption, th { color: var(--dim); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 24px 0 8px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; }
.tile b { display: block; font-size: 27px; font-weight: 600; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile span { color: var(--dim); font-size: 13px; }
.notice { border-left: 3px solid #d9a441; padding: 4px 0 4px 12px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 16px; }
figure { margin: 0; }
figcaption { font-size: 13px; margin-bottom: 6px; }
.chart { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; }
.charts.small { grid-template-columns: repeat(auto-fill, minmax(min(250px, 100%), 1fr)); }
.charts.small svg { max-width: 320px; margin: 0 auto; }
.chart svg { display: block; width: 100%; height: auto; }
.tick { fill: var(--dim); font-size: 12px; }
.grid { stroke: var(--line); }
.diagonal { stroke: var(--dim); stroke-dasharray: 4 4; }
polyline.thin, polyline.thick { fill: none; stroke-linejoin: round; }
.thin { stroke: var(--dim); stroke-width: 1; opacity: 0.6; }
polyline.thick { stroke: var(--accent); stroke-width: 2.5; }
circle.thick { fill: var(--accent); }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 10px 2px; color: var(--dim); font-size: 13px; }
.key i { display: inline-block; width: 18px; height: 3px; border-radius: 2px; vertical-align: middle; margin-right: 7px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { font-weight: 500; font-size: 13px; text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
td { text-align: right; padding: 3px 10px; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; position: sticky; left: 0; background: var(--ground); }
th.words, td.words, th.bar { text-align: left; }
tbody th { color: var(--text); font-weight: inherit; font-size: inherit; padding: 3px 10px; border-bottom: 0; }
tr.group > * { padding-top: 14px; font-weight: 600; border-bottom: 1px solid var(--line); }
tbody tr.group:first-child > * { padding-top: 6px; }
td.bar { width: 34%; min-width: 160px; }
.track { position: relative; background: var(--track); border-radius: 4px; height: 12px; }
.track > * { position: absolute; display: block; }
.track i { top: 0; left: 0; height: 100%; border-radius: 4px; opacity: 0.75; }
.track s { top: 5px; height: 2px; min-width: 2px; background: var(--text); }
.track s::before, .track s::after { content: ""; position: absolute; top: -2px; width: 1px; height: 6px; background: var(--text); }
.track s::before { left: 0; }
.track s::after { right: 0; }
.track u { top: -3px; bottom: -3px; width: 1px; background: var(--dim); }
.track b { top: 2px; width: 8px; height: 8px; margin-left: -4px; border-radius: 50%; background: var(--dim); }
.track.clear b { background: var(--accent); }
.swatch { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 9px; vertical-align: -1px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(520px, 100%), 1fr)); gap: 16px; }
.pictures img { display: block; width: 100%; height: auto; border-radius: 10px; background: #14171c; }
.pictures figcaption { margin: 6px 2px 0; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; }
.facts dt { color: var(--dim); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
details { margin-top: 16px; }
summary { cursor: pointer; color: var(--accent); }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; overflow-x: auto; font-size: 13px; line-height: 1.45; }
@media (max-width: 640px) {
  main { padding: 20px 14px 48px; }
  .tiles { grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); }
  .tile { padding: 10px 12px; }
  .chart { padding: 10px; }
  .charts:not(.small) .tick { font-size: 18px; }
  table { font-size: 13px; }
  th, td, tbody th { padding-left: 5px; padding-right: 5px; }
  td.bar { min-width: 84px; }
  .swatch { margin-right: 6px; }
  .facts { grid-template-columns: 1fr; }
  .facts dd { margin-bottom: 6px; }
}
@media print { body { background: #fff; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
`;
