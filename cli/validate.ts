import { CarpalError, EXIT } from '@carpal/configs/errors.ts';
import type { Mistake } from '@carpal/configs/finding.ts';
import { formatMistake, type LoadOptions, type ManifestReport, readManifest } from '@carpal/configs/load.ts';
import { inputText } from '@carpal/configs/schema/options.ts';
import { Command } from 'commander';
import { collect } from './option-values.ts';

/** Checks manifests. Prints one line for a valid file and every problem of an invalid one; exits with 78 if any is invalid. */
export const command = (): Command =>
  new Command()
    .description('Checks manifests and reports every problem with its line, its field and the fix.')
    .argument('<file...>', 'manifests: YAML or JSON')
    .option('--set <path=value>', 'check with this field changed; may be given several times', collect)
    .option('--json', 'print the result as JSON')
    .action((files: string[], options: { set?: string[]; json?: true }) => {
      const reports = files.map((file) => ({ file, report: readReport(file, { set: options.set ?? [] }) }));
      const text = options.json ? `${JSON.stringify(reports.map(jsonRow), null, 2)}\n` : reports.map(lines).join('');
      process.stdout.write(text);
      if (reports.some(({ report }) => !report.ok)) process.exitCode = EXIT.configuration;
    });

type FileReport = { readonly file: string; readonly report: ManifestReport };

/** A file that cannot be read counts as one problem, so that the other files are still checked. */
function readReport(file: string, options: LoadOptions): ManifestReport {
  try {
    return readManifest(file, options);
  } catch (error) {
    if (!(error instanceof CarpalError) || error.code !== 'manifest-unreadable') throw error;
    const mistake: Mistake = { where: file, path: '', message: error.message, fix: error.fix };
    return { ok: false, mistakes: [mistake] };
  }
}

function lines({ file, report }: FileReport): string {
  if (!report.ok)
    return `${file}: ${report.mistakes.length === 1 ? '1 mistake' : `${report.mistakes.length} mistakes`}\n${list(report.mistakes)}`;
  const { metadata, spec } = report.experiment;
  const summary = `${metadata.name}: ${spec.model.name} ${spec.input.crop ? 'on' : 'at'} ${inputText(spec.input)}, ${spec.run.folds.length} of ${spec.dataset.split.folds} folds`;
  const advice = report.advice.length === 0 ? '' : `, with advice\n${list(report.advice)}`.trimEnd();
  return `${file}: ok (${summary})${advice}\n`;
}

function list(mistakes: readonly Mistake[]): string {
  return mistakes.map((mistake) => `${formatMistake(mistake)}\n`).join('');
}

function jsonRow({ file, report }: FileReport): object {
  return report.ok
    ? { file, valid: true, name: report.experiment.metadata.name, mistakes: [], advice: report.advice }
    : { file, valid: false, mistakes: report.mistakes, advice: [] };
}
