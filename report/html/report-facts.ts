import type { InferenceSpec } from '@carpal/configs/schema/experiment.ts';
import { sheetSizeOf } from '@carpal/trainer/infer/viewing.ts';
import { escapeHtml } from './html.ts';
import { section } from './page.ts';
import type { ReportData } from './report-data.ts';

/** What was run, on what, and the whole manifest. */
export function factsSection(data: ReportData): string {
  const { metadata, spec } = data.experiment;
  const rows: [string, string][] = [
    ['name', `${metadata.namespace}/${metadata.name}`],
    ['data set', `${spec.dataset.uri}: ${data.trainImages} training images, ${data.testImages} test images`],
    ['split', `${spec.dataset.split.folds} folds by ${spec.dataset.split.strategy}, seed ${spec.dataset.split.seed}`],
    ['network', `${spec.model.name} ${JSON.stringify(spec.model.options)}`],
    ['loss', spec.loss.map((loss) => `${loss.weight} × ${loss.name}`).join(' + ')],
    ['views averaged', spec.inference.tta.join(', ')],
    ...windowRow(spec.inference),
    ['report made', data.madeAt],
    ...Object.entries(data.environment),
  ];
  const list = rows.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join('');
  const manifest = escapeHtml(JSON.stringify(data.experiment, null, 2));
  const details = `<details><summary>The whole manifest, with every default</summary><pre>${manifest}</pre></details>`;
  return section('Experiment', `<dl class="facts">${list}</dl>${details}`);
}

function windowRow({ window }: InferenceSpec): [string, string][] {
  if (!window) return [];
  const { size, stride, weights } = window;
  return [['windows', `${size} px every ${stride} px of a sheet of ${sheetSizeOf(window)} px, ${weights} weights`]];
}
