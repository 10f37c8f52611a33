import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { orAuto } from '../schema/auto.ts';
import { manifestSpecSchema } from '../schema/experiment.ts';
import { MUTABLE } from '../schema/immutable.ts';
import { experimentStructuralSchema } from './crd.ts';
import { fieldText } from './field-texts.ts';
import { PRINTER_COLUMNS, SELECTABLE_FIELDS } from './printer-columns.ts';
import { fieldsOf, type StructuralSchema, schemaAt, structuralSchema } from './structural-schema.ts';

const root = experimentStructuralSchema();
const fields = fieldsOf(root);
const rulesOf = (path: string): string[] => (schemaAt(root, path)?.['x-kubernetes-validations'] ?? []).map(({ rule }) => rule);

describe('the CRD', () => {
  it.each(fields.filter(([path]) => path.startsWith('spec')).map(([path]) => path))('has a text for %s', (path) => {
    expect(fieldText(path), 'write it in configs/crd/field-texts.ts').toMatch(/^[^\n]+\.$/);
  });

  it.each(fields.filter(([path]) => path.startsWith('status')))('has a text or fields for %s', (_, { description, type }) => {
    expect(description !== undefined || type === 'object').toBe(true);
  });

  it('has rules of one line each, within what the server takes', () => {
    const rules = [['', root] as const, ...fields].flatMap(([, schema]) => schema['x-kubernetes-validations'] ?? []);
    expect(rules.length).toBeGreaterThan(90);
    for (const { rule, message, messageExpression = '' } of rules) {
      expect(message.length).toBeLessThan(2048);
      expect(`${message}${messageExpression}${rule}`).not.toContain('\n');
      expect(message).toMatch(/\.$/);
    }
  });

  it('lets the mutable fields change and no other', () => {
    const mutable = MUTABLE.map((path) => `spec.${path.join('.')}`);
    for (const path of mutable) expect(rulesOf(path).join()).not.toContain('oldSelf');
    for (const path of ['spec.owner', 'spec.training.epochs', 'spec.placement.tolerations'])
      expect(rulesOf(path)).toContain('self == oldSelf');
  });

  it('writes every default out, so that rules can be asked about it', () => {
    expect(schemaAt(root, 'spec.run')?.default).toEqual(manifestSpecSchema.shape.run.parse({}));
    expect(schemaAt(root, 'spec.training')?.default).toEqual(manifestSpecSchema.shape.training.parse({}));
  });

  it('shows and selects by fields that are there, and never by place in a list', () => {
    for (const path of [...PRINTER_COLUMNS.map(({ jsonPath }) => jsonPath), ...SELECTABLE_FIELDS]) {
      if (path !== '.metadata.creationTimestamp') expect(schemaAt(root, path.slice(1)), path).toBeDefined();
      expect(path).not.toContain('[');
    }
  });
});

describe('structuralSchema', () => {
  const shape = (schema: z.ZodType): StructuralSchema => structuralSchema(z.object({ a: schema })).properties?.['a'] ?? { type: 'object' };

  it('makes the words of a pattern the message of a rule', () => {
    expect(shape(z.string().max(9).regex(/^\d'$/, { error: 'a digit' }))).toEqual({
      type: 'string',
      maxLength: 9,
      'x-kubernetes-validations': [{ rule: "self.matches('^\\\\d\\'$')", message: 'must be a digit.' }],
    });
  });

  it('keeps a pattern without words', () => {
    expect(shape(z.string().max(9).regex(/^x$/))).toHaveProperty('pattern', '^x$');
  });

  it('has a whole number or one word as what Kubernetes calls int-or-string', () => {
    expect(shape(orAuto(z.int().min(1).max(9)).default(2))).toEqual({
      'x-kubernetes-int-or-string': true,
      minimum: 1,
      maximum: 9,
      default: 2,
      'x-kubernetes-validations': [{ rule: "type(self) == int || self == 'auto'", message: 'must be a whole number or auto.' }],
    });
  });

  it.each([
    ['a choice of types', z.union([z.string(), z.number()])],
    ['a number or any text', z.union([z.int().min(1).max(9), z.string().max(4)])],
    ['anything at all', z.unknown()],
    ['a null', z.string().nullable()],
  ])('has none for %s', (_, schema) => {
    expect(() => shape(schema)).toThrow(TypeError);
  });
});
