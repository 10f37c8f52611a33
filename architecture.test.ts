import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { ERRORS } from '@carpal/configs/errors.ts';
import { describe, expect, it } from 'vitest';

/** Importer → what it may import, by top-level folder. cli.ts and cli/ may import all; bench/ measures all. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  configs: [],
  masks: [],
  artifacts: ['configs'],
  trainer: ['configs', 'masks', 'artifacts'],
  operator: ['configs', 'artifacts'],
};
/** Folders whose modules only programs at the top may load. */
const FREE = new Set(['cli', 'cli.ts', 'bench', 'setup', 'architecture.test.ts', 'vitest.config.ts']);

/** Packages that only one place may touch: TensorFlow behind the engine, so that a step can be compiled; Kubernetes never in the trainer. */
const DOORS: readonly { importing: RegExp; only: RegExp }[] = [
  { importing: /^@tensorflow\//, only: /^trainer\/engine\/tensorflow\.ts$/ },
  { importing: /^@kubernetes\//, only: /^operator\/kubernetes\// },
];

type Import = { readonly file: string; readonly line: number; readonly target: string };

/** The imports of every source file, static, dynamic and type-only. */
function allImports(files: readonly string[]): Import[] {
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+)(['"])([^'"]+)\1/gm;
  return files.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    return [...text.matchAll(pattern)].map((match) => ({
      file,
      line: text.slice(0, match.index).split('\n').length,
      target: match[2] ?? '',
    }));
  });
}

/** The top-level folder that an import points at, or undefined for a library. */
function targetFolder({ file, target }: Import): string | undefined {
  if (target.startsWith('@carpal/')) return target.split('/')[1];
  if (target.startsWith('.')) return normalize(join(dirname(file), target)).split(sep)[0];
  return undefined;
}

// Of folders called out or data only those of a run, at the top.
const files = globSync('**/*.ts', { exclude: ['**/node_modules', '**/.carpal', '**/fixtures', 'out', 'data'] });
const imports = allImports(files);

describe('the arrows of ARCHITECTURE.md', () => {
  it('were looked for in a whole tree, not in an empty one', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files).toContain('trainer/data/discover.ts');
    expect(imports.filter((one) => targetFolder(one) !== undefined).length).toBeGreaterThan(100);
    for (const folder of Object.keys(ARROWS))
      expect(
        files.some((file) => file.startsWith(`${folder}/`)),
        folder,
      ).toBe(true);
  });

  it('name every folder that holds source', () => {
    const folders = new Set(files.map((file) => file.split(sep)[0] ?? ''));
    expect([...folders].filter((folder) => !FREE.has(folder) && !(folder in ARROWS))).toEqual([]);
  });

  it('are kept: no package imports another that it must not know', () => {
    const broken = imports.filter((one) => {
      const from = one.file.split(sep)[0] ?? '';
      const to = targetFolder(one);
      return to !== undefined && from in ARROWS && to !== from && !ARROWS[from]?.includes(to);
    });
    expect(broken.map(({ file, line, target }) => `${file}:${line} imports ${target}`)).toEqual([]);
  });

  it('keep TensorFlow and Kubernetes each behind one door', () => {
    const broken = imports.filter((one) => DOORS.some((door) => door.importing.test(one.target) && !door.only.test(one.file)));
    expect(broken.map(({ file, line, target }) => `${file}:${line} imports ${target}`)).toEqual([]);
  });
});

describe('the table of errors', () => {
  const texts = files
    .filter((file) => !/\.test\.ts$|(^|\/)testing\//.test(file) && file !== 'configs/errors.ts')
    .map((file) => readFileSync(file, 'utf8'));

  it('was looked for in a whole tree, not in an empty one', () => {
    expect(texts.length).toBeGreaterThan(50);
    expect(Object.keys(ERRORS).length).toBeGreaterThan(40);
  });

  it('has no error that nothing throws', () => {
    // To ask whether an error is of a code is not to throw it.
    const isThrown = (code: string): boolean => texts.some((text) => new RegExp(`(?<![=!]==\\s*)'${code}'`).test(text));
    expect(Object.keys(ERRORS).filter((code) => !isThrown(code))).toEqual([]);
  });
});

/** Clocks and chance that no seed decides. */
const AMBIENT = /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\brandomUUID\(|\brandomBytes\(|\brandomInt\(|\bMath\.random\b/;
/** What measures, breaks or stands in for the rest, and programs. */
const LIVES_IN_TIME = /^(bench|operator\/(cluster|faults|testing))\/|(^|[/-])main\.ts$/;
/** The other files at the edge: they hand the time and names that nobody else has to those that decide. */
const EDGES = [
  'artifacts/partial.ts',
  'artifacts/s3-store.ts',
  'artifacts/write-file.ts',
  'cli/data-inspect.ts',
  'cli/data-synth.ts',
  'cli/ensemble.ts',
  'cli/fold.ts',
  'cli/operator.ts',
  'cli/prepare.ts',
  'cli/run.ts',
  'operator/kubernetes/api/connect.ts',
  'operator/kubernetes/api/credentials.ts',
  'operator/kubernetes/runtime/timers.ts',
  'operator/kubernetes/runtime/workers.ts',
  'operator/local/run-identity.ts',
  'trainer/stages/fold.ts',
];

describe('habits that the linter cannot see', () => {
  const sources = files.filter((file) => !file.endsWith('.test.ts'));
  const offenders = (pattern: RegExp, allowed: RegExp): string[] =>
    sources.filter((file) => !allowed.test(file) && pattern.test(readFileSync(file, 'utf8')));

  it('the environment is read in env.ts only', () => {
    expect(offenders(/\bprocess\.env\b/, /(^|\/)env\.ts$/)).toEqual([]);
  });

  it('only programs end the process', () => {
    expect(offenders(/\bprocess\.exit\(/, /(^|[/-])main\.ts$|^cli\.ts$/)).toEqual([]);
  });

  it('randomness comes from names and seeds', () => {
    expect(offenders(/\bMath\.random\(/, /^$/)).toEqual([]);
  });

  it('time and chance come from the edge', () => {
    expect(sources.filter((file) => LIVES_IN_TIME.test(file)).length).toBeGreaterThan(20);
    expect(offenders(AMBIENT, LIVES_IN_TIME).toSorted()).toEqual(EDGES);
  });

  it('a source file stays under 400 lines', () => {
    expect(sources.filter((file) => readFileSync(file, 'utf8').split('\n').length > 400)).toEqual([]);
  });
});
