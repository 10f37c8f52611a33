// cspell:ignore trainin
import { chmodSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CarpalError, formatError } from './errors.ts';
import { checkManifest, loadExperiment, readManifest } from './load.ts';
import { MODEL_NAMES } from './schema/learning.ts';

const HEAD = 'apiVersion: carpal.dev/v1alpha1\nkind: SegmentationExperiment\nmetadata: {name: a}\n';

/** The mistakes in a text as `where path message → fix`. The file is named m.yaml. */
function mistakes(text: string, set: readonly string[] = []): string[] {
  const report = checkManifest(text, 'm.yaml', { set });
  return report.ok ? [] : report.mistakes.map(({ where, path, message, fix }) => `${where} ${path} ${message} → ${fix}`);
}

describe('the example manifests', () => {
  const folder = new URL('./experiments/', import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));

  it('include the quickstart', () => {
    expect(files.length).toBeGreaterThanOrEqual(3);
    expect(files).toContain('quickstart.yaml');
  });

  it.each(files)('%s is valid, is named like its file, and needs no advice', (file) => {
    const report = readManifest(new URL(file, folder).pathname);
    expect(report).toMatchObject({ ok: true, advice: [] });
    expect(report.ok && `${report.experiment.metadata.name}.yaml`).toBe(file);
  });

  it('have the values that their comments name', () => {
    const quickstart = loadExperiment(new URL('quickstart.yaml', folder).pathname).spec;
    expect([quickstart.model.name, quickstart.run.folds.length, quickstart.run.parallelism]).toEqual(['SlimUNet', 3, 1]);
    const unet = loadExperiment(new URL('unet-512.yaml', folder).pathname).spec;
    expect([unet.model.name, unet.input.size, unet.run.folds.length]).toEqual(['UNet', 512, 5]);
    expect(unet.loss.map(({ name }) => name)).toEqual(['Dice', 'BCE']);
  });

  it('for a cluster have a data set that a pod can read, and need no GPU', () => {
    const specs = files.filter((file) => file.startsWith('cluster-')).map((file) => loadExperiment(new URL(file, folder).pathname).spec);
    expect(specs.length).toBeGreaterThanOrEqual(1);
    for (const { dataset, placement } of specs) expect([dataset.uri.split('/')[0], placement.gpus]).toEqual(['s3:', 0]);
  });
});

describe('a manifest with mistakes', () => {
  it('is reported with all its mistakes, in the order of their lines', () => {
    const text = `apiVersion: carpal.dev/v1
kind: SegmentationExperiment
metadata:
  name: Quick_Start
spec:
  dataset:
    uri: data
    splits: {folds: 3}
    split: {folds: 3}
  model: {name: UNett}
  training:
    epochs: "40"
    batchSize: 3
    batchSize: 3
  run:
    folds:
      - 0
      - 7
    startDeadline: 2 hours
  placement: {cpu: 7}
`;
    const label = 'lower-case letters, digits and "-", beginning and ending with a letter or digit';
    const duration = 'a duration such as 90m, 2h, 14d or 1h30m';
    expect(mistakes(text)).toEqual([
      'm.yaml:1 apiVersion "carpal.dev/v1" is not a valid value → Write carpal.dev/v1alpha1.',
      `m.yaml:4 metadata.name must be ${label}, is "Quick_Start" → Write ${label}.`,
      'm.yaml:8 spec.dataset.splits is not a field of a SegmentationExperiment → Did you mean split?',
      `m.yaml:10 spec.model.name "UNett" is not a valid value → Did you mean UNet? Valid values: ${MODEL_NAMES.join(', ')}.`,
      'm.yaml:12 spec.training.epochs must be a number, is "40" → Remove the quotes: 40.',
      'm.yaml:14  this field is written twice → Keep one of the two.',
      'm.yaml:18 spec.run.folds[1] fold 7 does not exist: dataset.split.folds is 3 → Write 0 to 2, or raise dataset.split.folds.',
      `m.yaml:19 spec.run.startDeadline must be ${duration}, is "2 hours" → Write ${duration}.`,
      'm.yaml:20 spec.placement.cpu must be text, is 7 → Put it in quotes: "7".',
    ]);
  });

  it('points to the group in which a field is missing', () => {
    expect(mistakes(`${HEAD}spec:\n  owner: kim\n  dataset:\n    classes: hand-bones\n`)).toEqual([
      'm.yaml:4 spec.model is missing → Add it: a group of fields.',
      'm.yaml:6 spec.dataset.uri is missing → Add it: text.',
    ]);
  });

  it.each([
    ['nothing', '', 'm.yaml:1  the file is empty'],
    ['only a comment', '# hello\n', 'm.yaml:1  the file is empty'],
    ['a single word', 'hello', 'm.yaml:1  must be a group of fields, is "hello"'],
    ['another kind', HEAD.replace('SegmentationExperiment', 'Job'), 'm.yaml:2 kind "Job" is not a valid value'],
    ['an unclosed bracket', `${HEAD}spec: {dataset: {uri: a}`, 'm.yaml:4  this is not YAML'],
    ['a tab before a field', `${HEAD}spec:\n\tdataset: {uri: a}\n`, 'm.yaml:5  indentation must use spaces, not tabs'],
    ['an alias without an anchor', `${HEAD}spec: *nothing\n`, 'm.yaml:4  there is no anchor &nothing before this alias'],
    ['a tag of another language', `${HEAD}spec: !!python/object {}\n`, 'm.yaml:4  this is not YAML'],
    ['a second document', `${HEAD}spec: {dataset: {uri: a}, model: {name: UNet}}\n---\nb: 1\n`, 'm.yaml:5  a second document starts here'],
    [
      'a prototype',
      `${HEAD}spec: {dataset: {uri: a}, model: {name: UNet}, __proto__: {owner: x}}`,
      'm.yaml:4 spec.__proto__ is not a field',
    ],
  ])('gets a line and a fix: %s', (_, text, beginning) => {
    const found = mistakes(text);
    expect(found.some((mistake) => mistake.startsWith(beginning))).toBe(true);
    for (const mistake of found) expect(mistake).toMatch(/→ \S.*\.$|→ Did you mean .*\?$/);
  });

  it('cannot become huge through aliases', () => {
    const rows = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 12; level += 1)
      rows.push(
        `a${level}: &a${level} [${Array(9)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
      );
    expect(mistakes(rows.join('\n')).join()).toContain('Excessive alias count');
  });

  it('is reported with the first hundred mistakes and the number of the others', () => {
    const found = mistakes(Array.from({ length: 20_000 }, (_, index) => `key${index}: 1`).join('\n'));
    expect(found).toHaveLength(101);
    expect(found.at(-1)).toBe('m.yaml  and 19904 more mistakes → Fix these first.');
  });

  it('may start and end with empty documents', () => {
    expect(mistakes(`---\n# a comment\n---\n${HEAD}spec: {dataset: {uri: a}, model: {name: UNet}}\n---\n`)).toEqual([]);
  });

  it('may use anchors and merges, and reports mistakes in them at the written line', () => {
    const text = `${HEAD}spec:\n  dataset: {uri: a}\n  model: {name: UNet}\n  loss:\n    - &dice {name: Dice, weight: 1}\n    - {<<: *dice, name: BCE}\n`;
    expect(mistakes(text)).toEqual([]);
    expect(mistakes(text.replace('weight: 1', 'weight: -1'))).toEqual([
      'm.yaml:8 spec.loss[0].weight must be more than 0, is -1 → Write a number that is more than 0.',
      'm.yaml:9 spec.loss[1].weight must be more than 0, is -1 → Write a number that is more than 0.',
    ]);
  });

  it('may contain fields that Kubernetes adds to an object', () => {
    const text = `${HEAD.replace('{name: a}', '{name: a, managedFields: [{x: 1}], generation: 2, uid: 1-a}')}spec: {dataset: {uri: a}, model: {name: UNet}}\nstatus: {any: thing}\n`;
    expect(mistakes(text)).toEqual([]);
  });
});

describe('any text', () => {
  it('is either accepted or rejected with a line, without an exception', () => {
    const word = fc.constantFrom(
      'spec',
      ': ',
      '\n',
      '  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      ', ',
      '"',
      "'",
      '&a ',
      '*a',
      '<<: ',
      '!!int ',
      '|',
      '>',
      '? ',
      '#',
      '---\n',
      '%YAML 1.1\n',
      '\t',
      '1e3',
      '~',
      '=',
      '0x',
      '2026-01-01',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), (words) => {
        const report = checkManifest(words.join(''), 'm.yaml');
        expect(report.ok).toBe(false);
        if (!report.ok) expect(report.mistakes[0]?.where).toMatch(/^m\.yaml:[0-9]+$/);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a key that is not text', () => {
  it.each(['? <<: ', '? {<<: }\n', '? [a, b]\n: 1\n'])('is a mistake with a line: %j', (text) => {
    const report = checkManifest(text, 'm.yaml');
    expect(report.ok ? [] : report.mistakes.map(({ where }) => where)).toContain('m.yaml:1');
  });
});

describe('--set', () => {
  const text = `${HEAD}spec:\n  dataset: {uri: a}\n  model: {name: UNet}\n`;

  it('changes a field, creates missing groups, and reads its value as YAML', () => {
    const set = [
      'training.epochs=5',
      'spec.run.folds=[0, 2]',
      'metadata.name=b',
      'loss[0].name=BCE',
      'owner=',
      'placement.nodeSelector["a.b/c"]=x=y',
    ];
    const report = checkManifest(text, 'm.yaml', { set: set.slice(0, -1) });
    expect(report.ok && report.experiment).toMatchObject({
      metadata: { name: 'b' },
      spec: { owner: '', training: { epochs: 5, batchSize: 2 }, run: { folds: [0, 2] }, loss: [{ name: 'BCE', weight: 1 }] },
    });
    expect(mistakes(text, set)[0]).toContain(
      '--set placement.nodeSelector["a.b/c"]=x=y spec.placement.nodeSelector["a.b/c"] "x=y" is not a valid label value',
    );
  });

  it('uses the last of two values, and can fix a mistake in the file', () => {
    const bad = text.replace('UNet', 'UNett');
    expect(mistakes(bad, ['model.name=Nope', 'model.name=SlimUNet'])).toEqual([]);
  });

  it.each([
    ['training.epochs=x', '--set training.epochs=x spec.training.epochs must be a number, is "x"'],
    ['training.epoch=3', '--set training.epoch=3 spec.training.epoch is not a field of a SegmentationExperiment → Did you mean epochs?'],
    ['trainin.epochs=3', '--set trainin.epochs=3 spec.trainin is not a field of a SegmentationExperiment → Did you mean training?'],
    ['model={}', '--set model={} spec.model.name is missing'],
    ['run.folds=[0, 9]', '--set run.folds=[0, 9] spec.run.folds[1] fold 9 does not exist'],
    ['model.name.x=3', '--set model.name.x=3  spec.model.name has no such field to set'],
    ['loss[4].weight=3', '--set loss[4].weight=3  spec.loss has no such field to set'],
  ])('%s is a mistake that is reported with the option', (set, beginning) => {
    const found = mistakes(text, [set]);
    expect(found).toHaveLength(1);
    expect(found[0]?.slice(0, beginning.length)).toBe(beginning);
  });

  it.each([
    ['run.folds=[0', '"[0" cannot be read as YAML'],
    ['epochs', '"epochs" is not path=value'],
    ['=3', '"=3" is not path=value'],
    ['a b=3', '"a b" is not the path of a field'],
    ['__proto__.x=3', '"__proto__.x" is not the path of a field'],
  ])('%s is a mistake in the command line, not in the manifest', (set, message) => {
    const refusal = { code: 'usage-invalid', message: expect.stringContaining(message), where: `--set ${set}` };
    expect(() => checkManifest(text, 'm.yaml', { set: [set] })).toThrow(expect.objectContaining(refusal));
  });
});

describe('advice', () => {
  const paths = (set: readonly string[]): string[] => {
    const report = checkManifest(`${HEAD}spec: {dataset: {uri: a}, model: {name: UNet}}`, 'm.yaml', { set });
    return report.ok ? report.advice.map(({ path }) => path) : ['bad'];
  };

  it('warns about early stopping that can never happen, if the user wrote it', () => {
    const often = ['training.epochs=20', 'training.validateEvery=2'];
    expect(paths([...often, 'training.earlyStopping.patience=17'])).toEqual(['spec.training.earlyStopping.patience']);
    expect(paths([...often, 'training.earlyStopping.patience=16'])).toEqual([]);
    expect(paths(['training.epochs=5'])).toEqual([]);
    expect(paths(['training.epochs=5', 'training.earlyStopping.patience=0'])).toEqual([]);
  });

  it('warns about an encoder that early stopping may leave frozen', () => {
    const encoder = ['model.name=HRNet', 'model.pretrained={uri: a}', 'training.epochs=50'];
    expect(paths([...encoder, 'model.pretrained.frozenEpochs=11'])).toEqual(['spec.model.pretrained.frozenEpochs']);
    expect(paths([...encoder, 'model.pretrained.frozenEpochs=10'])).toEqual([]);
    expect(paths([...encoder, 'model.pretrained.frozenEpochs=12', 'training.validateEvery=2'])).toHaveLength(1);
    expect(paths([...encoder, 'model.pretrained.frozenEpochs=11', 'training.validateEvery=2'])).toEqual([]);
    expect(paths([...encoder, 'model.pretrained.frozenEpochs=11', 'training.earlyStopping.patience=0'])).toEqual([]);
  });

  it('warns about a learning rate that is never reduced before training stops early', () => {
    expect(paths(['scheduler.options.patience=9'])).toEqual(['spec.scheduler.options.patience']);
    expect(paths(['scheduler.options.patience=8'])).toEqual([]);
    const often = ['training.epochs=40', 'training.validateEvery=2'];
    expect(paths([...often, 'scheduler.options.patience=4'])).toEqual(['spec.scheduler.options.patience']);
    expect(paths([...often, 'scheduler.options.patience=3'])).toEqual([]);
  });

  it('warns once that no reports are sent, if spec.report names a receiver', () => {
    expect(paths(['report.slack.channel=xray', 'report.mlflow.experiment=hands'])).toEqual(['spec.report']);
    expect(paths(['report.kakao={}'])).toEqual(['spec.report']);
    expect(paths(['report={}'])).toEqual([]);
    const report = checkManifest(`${HEAD}spec:\n  dataset: {uri: a}\n  model: {name: UNet}\n  report:\n    slack: {channel: x}`, 'm.yaml');
    expect(report.ok && report.advice).toEqual([
      {
        where: 'm.yaml:7',
        path: 'spec.report',
        message: 'no reports are sent: this version of carpal sends nothing to slack',
        fix: 'Watch carpal run, or kubectl get segx -w. Keep the field for a version that sends reports.',
      },
    ]);
  });
});

describe('loadExperiment', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'carpal-load-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const put = (name: string, content: string | Uint8Array): string => {
    const file = join(folder, name);
    writeFileSync(file, content);
    return file;
  };

  function failure(file: string): CarpalError {
    try {
      loadExperiment(file);
    } catch (error) {
      if (error instanceof CarpalError) return error;
      throw error;
    }
    throw new Error('it was loaded');
  }

  it('throws one error with all mistakes', () => {
    const error = failure(put('bad.yaml', `${HEAD}spec: {dataset: {}, model: {name: X}}`));
    expect([error.code, error.exit]).toEqual(['manifest-invalid', 78]);
    const [headline, first] = formatError(error).split('\n');
    expect(headline).toBe(`manifest-invalid: 2 mistakes (${join(folder, 'bad.yaml')})`);
    expect(first).toContain('bad.yaml:4 spec.dataset.uri is missing');
  });

  it('reads back its own output from experiment.json', () => {
    const experiment = loadExperiment(put('good.yaml', `${HEAD}spec: {dataset: {uri: a}, model: {name: SlimUNet}}`));
    const withUid = { ...experiment, metadata: { ...experiment.metadata, uid: '0f1e' } };
    expect(loadExperiment(put('experiment.json', JSON.stringify(withUid)))).toEqual(withUid);
    expect(loadExperiment(put('indented.json', JSON.stringify(withUid, null, '\t')))).toEqual(withUid);
  });

  it.each([
    ['that is missing', () => join(folder, 'none.yaml'), 'there is no such file'],
    ['that is a folder', () => folder, 'this is a folder'],
    ['with zero bytes', () => put('zero', Uint8Array.of(65, 0, 66)), 'it is not text'],
    ['that is not UTF-8', () => put('latin', Uint8Array.of(65, 0xe9, 66)), 'it is not UTF-8 text'],
    [
      'that is too big',
      () => {
        const file = put('big.yaml', '');
        truncateSync(file, 2 ** 21);
        return file;
      },
      'it has 2097152 bytes; a manifest has at most 262144',
    ],
  ])('rejects a file %s', (_, make, message) => {
    const error = failure(make());
    expect([error.code, error.message]).toEqual(['manifest-unreadable', message]);
  });

  it.skipIf(process.getuid?.() === 0)('rejects a file without read permission (root may read all)', () => {
    const file = put('secret.yaml', HEAD);
    chmodSync(file, 0);
    expect(failure(file).message).toBe('no permission to read it');
  });
});
