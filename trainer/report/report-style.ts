/** The report's style sheet: neutral, light or dark as the reader's system is, and fit for print. */
export const REPORT_STYLE = `
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
.chart svg { display: block; width: 100%; height: auto; }
.tick { fill: var(--dim); font-size: 12px; }
.grid { stroke: var(--line); }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 10px 2px; color: var(--dim); font-size: 13px; }
.key i { display: inline-block; width: 18px; height: 3px; border-radius: 2px; vertical-align: middle; margin-right: 7px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { font-weight: 500; font-size: 13px; text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
td { text-align: right; padding: 3px 10px; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tr.group td { padding-top: 14px; font-weight: 600; border-bottom: 1px solid var(--line); }
td.bar { width: 42%; min-width: 160px; }
.track { background: var(--track); border-radius: 4px; height: 12px; overflow: hidden; }
.track i { display: block; height: 100%; border-radius: 4px; }
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
@media print { body { background: #fff; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
`;
