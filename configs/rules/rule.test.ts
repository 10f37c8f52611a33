import { describe, expect, it } from 'vitest';
import { type CheckedManifest, manifestSchema } from '../schema/experiment.ts';
import { MANIFEST_RULES } from './manifest-rules.ts';
import { findingsOf, rule, unless } from './rule.ts';

const CONTEXT = { classLists: ['hand-bones'] };

const manifest = (spec: object): CheckedManifest =>
  manifestSchema.parse({
    apiVersion: 'carpal.dev/v1alpha1',
    kind: 'SegmentationExperiment',
    metadata: { name: 'a' },
    spec: { dataset: { uri: 'data' }, model: { name: 'UNet' }, ...spec },
  });

const weight = rule({
  at: 'spec.loss[]',
  field: 'weight',
  message: 'is {weight}, not {name}',
  fix: "Write {name}'s.",
  check: ({ name, weight: value }) => unless(value < 5, { weight: value, name }),
  cel: { rule: 'self.weight < 5.0', values: { weight: "'much'", name: 'self.name' } },
});
const heavy = manifest({ loss: [{ name: 'Dice' }, { name: 'BCE', weight: 9 }] });

describe('a rule', () => {
  it('is checked for each entry of a list, and names the entry and the field', () => {
    expect(findingsOf([weight], heavy, CONTEXT)).toEqual([
      { path: ['spec', 'loss', 1, 'weight'], message: 'is 9, not BCE', fix: "Write BCE's." },
    ]);
  });

  it('is skipped when a field that it reads is invalid by itself', () => {
    expect(findingsOf([weight], heavy, CONTEXT, [['spec', 'loss', 0, 'name']])).toEqual([]);
    expect(findingsOf([weight], heavy, CONTEXT, [['spec']])).toEqual([]);
    expect(findingsOf([weight], heavy, CONTEXT, [['spec', 'input']])).toHaveLength(1);
  });

  it('has the same text in CEL', () => {
    expect(weight.cel).toEqual({
      rule: 'self.weight < 5.0',
      message: "is …, not …. Write …'s.",
      messageExpression: "'is ' + 'much' + ', not ' + self.name + '. Write ' + self.name + '\\'s.'",
      fieldPath: '.weight',
    });
  });

  it('cannot be made if its text and its CEL side name different values', () => {
    const define = (values: Readonly<Record<string, string>>) => () =>
      rule({ at: 'spec', message: 'is {size}', fix: 'Write less.', check: () => [], cel: { rule: 'true', values } });
    expect(define({})).toThrow(TypeError);
    expect(define({ size: "'1'", side: "'2'" })).toThrow(TypeError);
    expect(define({ size: "'1'" })).not.toThrow();
  });
});

describe('every rule for manifests', () => {
  it('has a check on both sides, except for two rules', () => {
    expect(MANIFEST_RULES.filter(({ cel }) => cel === undefined).map(({ at }) => at)).toEqual(['spec.dataset.classes']);
    expect(MANIFEST_RULES.filter(({ at }) => !at.startsWith('spec')).map(({ cel }) => cel?.fieldPath)).toEqual(['.metadata.name']);
  });

  it('accepts the defaults', () => {
    expect(findingsOf(MANIFEST_RULES, manifest({}), CONTEXT)).toEqual([]);
  });
});
