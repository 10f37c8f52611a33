import { describe, expect, it } from 'vitest';
import { isMutable } from '../rules/immutability.ts';
import { manifestSpecSchema } from '../schema/experiment.ts';
import { fieldsOf, schemaAt } from '../schema/structural-schema.ts';
import { experimentStructuralSchema } from './crd.ts';
import { fieldText } from './field-texts.ts';
import { PRINTER_COLUMNS, SELECTABLE_FIELDS } from './printer-columns.ts';

const root = experimentStructuralSchema();
const fields = fieldsOf(root);
const rulesOf = (path: string): string[] => (schemaAt(root, path)?.['x-kubernetes-validations'] ?? []).map(({ rule }) => rule);

describe('the CRD', () => {
  it.each(fields.filter(([path]) => path.startsWith('spec')).map(([path]) => path))('describes %s', (path) => {
    expect(fieldText(path), 'write it in configs/crd/field-texts.ts').toMatch(/^[^\n]+\.$/);
  });

  it.each(fields.filter(([path]) => path.startsWith('status')))(
    'describes %s, or it is an object whose fields are described',
    (_, { description, type }) => {
      expect(description !== undefined || type === 'object').toBe(true);
    },
  );

  it('has only rules of one line, with messages of a length that the server accepts', () => {
    const rules = [['', root] as const, ...fields].flatMap(([, schema]) => schema['x-kubernetes-validations'] ?? []);
    expect(rules.length).toBeGreaterThan(90);
    for (const { rule, message, messageExpression = '' } of rules) {
      expect(message.length).toBeLessThan(2048);
      expect(`${message}${messageExpression}${rule}`).not.toContain('\n');
      expect(message).toMatch(/\.$/);
    }
  });

  it('has transition rules for all fields except the mutable ones', () => {
    const paths = fields.map(([path]) => path).filter((path) => path.startsWith('spec.') && isMutable(path.split('.').slice(1)));
    expect(paths.length).toBeGreaterThan(40);
    for (const path of paths.filter((one) => one !== 'spec.run')) expect(rulesOf(path).join(), path).not.toContain('oldSelf');
    for (const path of ['spec.owner', 'spec.training.epochs', 'spec.input.targets']) expect(rulesOf(path)).toContain('self == oldSelf');
  });

  it('writes out every default, so that rules can read it', () => {
    expect(schemaAt(root, 'spec.run')?.default).toEqual(manifestSpecSchema.shape.run.parse({}));
    expect(schemaAt(root, 'spec.training')?.default).toEqual(manifestSpecSchema.shape.training.parse({}));
  });

  it('has columns and selectable fields that exist and are not list entries', () => {
    for (const path of [...PRINTER_COLUMNS.map(({ jsonPath }) => jsonPath), ...SELECTABLE_FIELDS]) {
      if (path !== '.metadata.creationTimestamp') expect(schemaAt(root, path.slice(1)), path).toBeDefined();
      expect(path).not.toContain('[');
    }
  });
});
