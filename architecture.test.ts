import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { ERRORS } from '@carpal/configs/errors.ts';
import { describe, expect, it } from 'vitest';

/** Package → the packages that it may import (design: ARCHITECTURE.md, "Packages"). */
const PACKAGE_ARROWS: Readonly<Record<string, readonly string[]>> = {
  configs: [],
  masks: [],
  artifacts: ['configs'],
  kubernetes: ['configs'],
  report: ['configs', 'masks', 'artifacts'],
  trainer: ['configs', 'masks', 'artifacts', 'report'],
  operator: ['configs', 'artifacts', 'kubernetes'],
  testbed: ['configs', 'masks', 'artifacts', 'kubernetes', 'report', 'trainer', 'operator', 'cli.ts', 'setup'],
};
/** Programs at the top, which may import every package. Only bench may import the test equipment. */
const PROGRAMS = new Set(['cli', 'cli.ts', 'bench', 'setup', 'architecture.test.ts', 'prose.test.ts', 'vitest.config.ts']);

/** Inside a package: folder → the folders of the same package that it may import. Files at the package's top belong to the folder ''. */
const FOLDER_ARROWS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  kubernetes: { api: [], runtime: ['api'] },
  trainer: {
    engine: [],
    models: ['engine'],
    objective: ['engine'],
    data: [],
    phantom: ['data'],
    step: ['engine', 'models', 'objective'],
    infer: ['engine', 'models', 'step', 'data'],
    memory: ['engine', 'models', 'objective', 'step', 'data', 'infer'],
    train: ['engine', 'models', 'objective', 'step', 'data', 'infer', 'memory'],
    stages: ['engine', 'models', 'objective', 'step', 'data', 'infer', 'memory', 'train'],
  },
  operator: {
    experiment: [],
    jobs: ['experiment'],
    cost: ['experiment'],
    local: ['experiment', 'cost'],
    controller: ['experiment', 'jobs'],
    install: ['jobs', 'controller'],
  },
};

/** Libraries that only one place may import: TensorFlow behind the engine, Kubernetes' client behind our own. */
const DOORS: readonly { importing: RegExp; only: RegExp }[] = [
  { importing: /^@tensorflow\//, only: /^trainer\/engine\/tensorflow\.ts$/ },
  { importing: /^@kubernetes\//, only: /^kubernetes\/api\// },
];

type Import = { readonly file: string; readonly line: number; readonly target: string };

/** The imports of TypeScript files: static, dynamic and type-only. */
function importsOf(files: readonly string[]): Import[] {
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

/** The path in the repository that an import points at, or undefined for a library. */
function targetPath({ file, target }: Import): string | undefined {
  if (target.startsWith('@carpal/')) return target.slice('@carpal/'.length);
  if (target.startsWith('.')) return normalize(join(dirname(file), target));
  return undefined;
}

const topOf = (path: string): string => path.split(sep)[0] ?? '';
const folderOf = (path: string): string => (path.split(sep).length > 2 ? (path.split(sep)[1] ?? '') : '');
const isTest = (file: string): boolean => /\.test\.ts$|\/testing\//.test(file);
const lines = (imports: readonly Import[]): string[] => imports.map(({ file, line, target }) => `${file}:${line} imports ${target}`);

// The results of a run at the top of the repository are called out and data too.
const exclude = ['**/node_modules', '**/.carpal', '**/fixtures', 'out', 'data'];
const files = globSync('**/*.ts', { exclude });
const imports = importsOf(files);
const pythonFiles = globSync('**/*.py', { exclude: ['**/node_modules', '**/.carpal', 'out', 'data'] });

/** Groups of files that import each other in a circle. Type imports count. (Tarjan's strongly connected components) */
function importCycles(): string[][] {
  const edges = new Map<string, string[]>(files.map((file) => [file, []]));
  for (const one of imports) {
    const to = targetPath(one);
    if (to !== undefined && edges.has(to)) edges.get(one.file)?.push(to);
  }
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file) as number);
    stack.push(file);
    for (const to of edges.get(file) ?? []) {
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) low.set(file, Math.min(low.get(file) as number, low.get(to) as number));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1) cycles.push(group.toSorted());
  };
  for (const file of files) if (!index.has(file)) visit(file);
  return cycles;
}

describe('the architecture test', () => {
  it('reads a whole tree, not an empty one', () => {
    expect(files.length).toBeGreaterThan(300);
    expect(pythonFiles.length).toBeGreaterThan(10);
    expect(files).toContain('report/dataset/discover.ts');
    expect(imports.filter((one) => targetPath(one) !== undefined).length).toBeGreaterThan(1000);
    for (const name of Object.keys(PACKAGE_ARROWS))
      expect(
        files.some((file) => file.startsWith(`${name}/`)),
        name,
      ).toBe(true);
  });

  it('knows every folder that holds source', () => {
    const tops = new Set(files.map(topOf));
    expect([...tops].filter((top) => !PROGRAMS.has(top) && !(top in PACKAGE_ARROWS))).toEqual([]);
    const unknown = files.filter((file) => {
      const folders = FOLDER_ARROWS[topOf(file)];
      const folder = folderOf(file);
      return folders !== undefined && folder !== '' && !(folder in folders);
    });
    expect(unknown).toEqual([]);
  });
});

describe('imports', () => {
  it('follow the arrows between packages', () => {
    const broken = imports.filter((one) => {
      const from = topOf(one.file);
      const to = targetPath(one);
      if (to === undefined || !(from in PACKAGE_ARROWS) || topOf(to) === from) return false;
      if (isTest(one.file) && topOf(to) === 'testbed') return false;
      return !PACKAGE_ARROWS[from]?.includes(topOf(to));
    });
    expect(lines(broken)).toEqual([]);
  });

  it('bring no test equipment into the product', () => {
    const broken = imports.filter((one) => {
      const to = targetPath(one);
      const mayTest = isTest(one.file) || ['testbed', 'bench'].includes(topOf(one.file)) || one.file.endsWith('.config.ts');
      return to !== undefined && !mayTest && (topOf(to) === 'testbed' || isTest(to));
    });
    expect(lines(broken)).toEqual([]);
  });

  it('follow the arrows between the folders of a package', () => {
    const broken = imports.filter((one) => {
      const to = targetPath(one);
      const folders = FOLDER_ARROWS[topOf(one.file)];
      if (to === undefined || folders === undefined || isTest(one.file) || topOf(to) !== topOf(one.file)) return false;
      const [from, target] = [folderOf(one.file), folderOf(to)];
      return from !== target && target !== '' && !(folders[from] ?? []).includes(target);
    });
    expect(lines(broken)).toEqual([]);
  });

  it('form no cycle', () => {
    expect(importCycles()).toEqual([]);
  });

  it('reach TensorFlow and the client of Kubernetes through one door each', () => {
    const broken = imports.filter((one) => DOORS.some((door) => door.importing.test(one.target) && !door.only.test(one.file)));
    expect(lines(broken)).toEqual([]);
  });
});

describe('a Python file', () => {
  const tops = [...Object.keys(PACKAGE_ARROWS), 'bench', 'setup', 'cli'].join('|');
  const pathPattern = new RegExp(`\\b(?:${tops})(?:/[\\w.-]+)+`, 'g');
  const mentions = pythonFiles.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(pathPattern)].map(([path]) => ({ file, path: path.replace(/\.$/, '') })),
  );

  it('names paths that exist', () => {
    expect(mentions.length).toBeGreaterThan(3);
    expect(mentions.filter(({ path }) => !existsSync(path)).map(({ file, path }) => `${file} names ${path}`)).toEqual([]);
  });

  it('names paths of packages that its own package may use', () => {
    const broken = mentions.filter(({ file, path }) => {
      const [from, to] = [topOf(file), topOf(path)];
      return from in PACKAGE_ARROWS && from !== to && !PACKAGE_ARROWS[from]?.includes(to) && !path.endsWith('requirements.txt');
    });
    expect(broken.map(({ file, path }) => `${file} names ${path}`)).toEqual([]);
  });
});

describe('ARCHITECTURE.md', () => {
  /** The paths in backticks of one table row. A name without a folder is in the folder of the path before it. */
  function pathsIn(row: string): string[] {
    let folder = '';
    const names = [...row.matchAll(/`([\w./-]+(?:\.ts|\.md|\/))`/g)].map(([, name = '']) => name);
    return names.map((name) => {
      const path = existsSync(name) ? name : join(folder, name);
      folder = name.endsWith('/') ? name : dirname(path);
      return path;
    });
  }

  it('names files that exist', () => {
    const rows = readFileSync('ARCHITECTURE.md', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('|'));
    const paths = rows.flatMap(pathsIn);
    expect(paths.length).toBeGreaterThan(80);
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  });
});

describe('the table of errors', () => {
  const texts = files
    .filter((file) => !isTest(file) && topOf(file) !== 'testbed' && file !== 'configs/errors.ts')
    .map((file) => readFileSync(file, 'utf8'));

  it('has no error that is never thrown', () => {
    expect(Object.keys(ERRORS).length).toBeGreaterThan(40);
    // Comparing with a code is not throwing it.
    const isThrown = (code: string): boolean => texts.some((text) => new RegExp(`(?<![=!]==\\s*)'${code}'`).test(text));
    expect(Object.keys(ERRORS).filter((code) => !isThrown(code))).toEqual([]);
  });
});

/** Clocks and randomness that no seed decides. */
const AMBIENT = /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\brandomUUID\(|\brandomBytes\(|\brandomInt\(|\bMath\.random\b/;
/** Measurements, test equipment and programs read the clock. */
const READS_THE_CLOCK = /^(bench|testbed)\/|(^|[/-])main\.ts$/;

/** The other files at the edge. They pass the time and random names to the code that decides. */
const EDGES = [
  'artifacts/s3-store.ts',
  'artifacts/write-file.ts',
  'cli/artifacts-prune.ts',
  'cli/data-inspect.ts',
  'cli/data-synth.ts',
  'cli/operator.ts',
  'cli/run.ts',
  'cli/stage-command.ts',
  'kubernetes/api/connect.ts',
  'kubernetes/runtime/timers.ts',
  'kubernetes/runtime/workers.ts',
  'operator/local/run-folder.ts',
  'trainer/stages/fold.ts',
];

describe('a source file', () => {
  const sources = files.filter((file) => !file.endsWith('.test.ts'));
  const offenders = (pattern: RegExp, allowed: RegExp): string[] =>
    sources.filter((file) => !allowed.test(file) && pattern.test(readFileSync(file, 'utf8')));

  it('reads the environment only if it is called env.ts', () => {
    expect(offenders(/\bprocess\.env\b/, /(^|\/)env\.ts$/)).toEqual([]);
  });

  it('ends the process only if it is a program', () => {
    expect(offenders(/\bprocess\.exit\(/, /(^|[/-])main\.ts$|^cli\.ts$/)).toEqual([]);
  });

  it('draws no random number without a seed', () => {
    expect(offenders(/\bMath\.random\(/, /^$/)).toEqual([]);
  });

  it('reads the clock only at the edge', () => {
    expect(sources.filter((file) => READS_THE_CLOCK.test(file)).length).toBeGreaterThan(20);
    expect(offenders(AMBIENT, READS_THE_CLOCK).toSorted()).toEqual(EDGES);
  });

  it('has fewer than 250 lines', () => {
    // The table of errors is one list on purpose.
    const isLong = (file: string): boolean => file !== 'configs/errors.ts' && readFileSync(file, 'utf8').split('\n').length > 251;
    expect(sources.filter(isLong)).toEqual([]);
  });
});
