import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { experimentSchema } from './experiment.ts';
import { orAuto } from './fields.ts';
import { epochMetricsSchema, stageProgressSchema } from './progress.ts';
import { type StructuralSchema, structuralSchema } from './structural-schema.ts';

type Node = { [key: string]: unknown };

/** Every schema node below `node`, with its path. */
function nodes(node: Node, path = '$'): [string, Node][] {
  const children: [string, Node][] = Object.entries((node['properties'] ?? {}) as Record<string, Node>).map(([key, child]) => [
    `${path}.${key}`,
    child,
  ]);
  if (node['items'] !== undefined) children.push([`${path}[]`, node['items'] as Node]);
  if (typeof node['additionalProperties'] === 'object') children.push([`${path}{}`, node['additionalProperties'] as Node]);
  return [[path, node], ...children.flatMap(([at, child]) => nodes(child, at))];
}

const jsonSchema = (schema: z.ZodType): Node => z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' }) as Node;
const manifest = nodes(jsonSchema(experimentSchema));

describe('the JSON schema of a SegmentationExperiment', () => {
  it.each(Object.entries({ experimentSchema, stageProgressSchema, epochMetricsSchema }))(
    'has only keywords of a structural schema, as do the schemas of its reports: %s',
    (_, schema) => {
      const text = JSON.stringify(jsonSchema(schema));
      for (const word of [
        'oneOf',
        'anyOf',
        'allOf',
        '$ref',
        '"additionalProperties":false',
        'propertyNames',
        'patternProperties',
        '"const"',
        '"not"',
      ]) {
        expect(text).not.toContain(word);
      }
    },
  );

  it('is read down to its leaves', () => {
    expect(manifest.length).toBeGreaterThan(100);
    expect(manifest.map(([path]) => path)).toContain('$.spec.placement.tolerations[].tolerationSeconds');
  });

  it.each(manifest)('has a type and a limit at %s', (_path, node) => {
    expect(node['type']).toMatch(/^(object|array|string|number|integer|boolean)$/);
    if (node['type'] === 'string' && node['enum'] === undefined) expect(node).toHaveProperty('maxLength');
    if (node['type'] === 'array') expect(node).toHaveProperty('maxItems');
    if (node['type'] === 'number' || node['type'] === 'integer') {
      expect(Math.abs(Number(node['minimum']))).toBeLessThan(Number.MAX_SAFE_INTEGER);
      expect(Number(node['maximum'])).toBeLessThan(Number.MAX_SAFE_INTEGER);
    }
    if (typeof node['additionalProperties'] === 'object') expect(node).toHaveProperty('maxProperties');
  });

  it('requires only two fields of spec', () => {
    const required = manifest.filter(([, node]) => node['required'] !== undefined).map(([path, node]) => [path, node['required']]);
    expect(required).toEqual([
      ['$', ['apiVersion', 'kind', 'metadata', 'spec']],
      ['$.metadata', ['name']],
      ['$.spec', ['dataset', 'model']],
      ['$.spec.dataset', ['uri']],
      ['$.spec.model', ['name']],
      ['$.spec.model.pretrained', ['uri']],
      ['$.spec.input.crop', ['size', 'imageSize']],
      ['$.spec.augmentations[]', ['name']],
      ['$.spec.loss[]', ['name']],
      ['$.spec.report.slack', ['channel']],
      ['$.spec.report.mlflow', ['experiment']],
    ]);
  });
});

describe('structuralSchema', () => {
  const shape = (schema: z.ZodType): StructuralSchema => structuralSchema(z.object({ a: schema })).properties?.['a'] ?? { type: 'object' };

  it('turns the text of a pattern into the message of a rule', () => {
    expect(shape(z.string().max(9).regex(/^\d'$/, { error: 'a digit' }))).toEqual({
      type: 'string',
      maxLength: 9,
      'x-kubernetes-validations': [{ rule: "self.matches('^\\\\d\\'$')", message: 'must be a digit.' }],
    });
  });

  it('keeps a pattern without a text', () => {
    expect(shape(z.string().max(9).regex(/^x$/))).toHaveProperty('pattern', '^x$');
  });

  it('turns a whole number or one word into int-or-string', () => {
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
    ['a union of a number and any text', z.union([z.int().min(1).max(9), z.string().max(4)])],
    ['any value', z.unknown()],
    ['a null', z.string().nullable()],
  ])('rejects %s', (_, schema) => {
    expect(() => shape(schema)).toThrow(TypeError);
  });
});
