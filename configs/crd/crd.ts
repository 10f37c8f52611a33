/** The CustomResourceDefinition of SegmentationExperiment, made from the zod schemas, the rules and the field descriptions. */
import { type CelRules, together } from '../cel.ts';
import { GROUP, PLURAL, SHORT_NAME, VERSION } from '../names.ts';
import { immutability } from '../rules/immutability.ts';
import { MANIFEST_RULES } from '../rules/manifest-rules.ts';
import type { Rule } from '../rules/rule.ts';
import { STATUS_RULES } from '../rules/status.ts';
import { KIND, manifestSpecSchema } from '../schema/experiment.ts';
import { statusSchema } from '../schema/status.ts';
import { fieldsOf, type StructuralSchema, schemaAt, structuralSchema } from '../schema/structural-schema.ts';
import { fieldText } from './field-texts.ts';
import { PRINTER_COLUMNS, SELECTABLE_FIELDS } from './printer-columns.ts';

/** The schema of the whole object: types, limits, defaults, descriptions and rules. */
export function experimentStructuralSchema(): StructuralSchema {
  const spec = structuralSchema(manifestSpecSchema);
  const root: StructuralSchema = {
    type: 'object',
    description: 'A cross-validated segmentation experiment: carpal trains its folds and makes a submission from their ensemble.',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object', properties: { name: { type: 'string' } } },
      spec,
      status: structuralSchema(statusSchema),
    },
  };
  for (const [path, field] of fieldsOf(root)) {
    const description = fieldText(path);
    if (description !== undefined) field.description = description;
  }
  own(root);
  attach(root, together(celOf(MANIFEST_RULES), immutability(spec), celOf(STATUS_RULES)));
  return root;
}

/** The parts of spec whose fields are often changed one by one, by people and by controllers. */
const GRANULAR: readonly string[] = ['run', 'report'];

/**
 * Makes the other parts of the spec, and the status, atomic for server-side apply. Otherwise managedFields would list each field. It would
 * be as long as the experiment, and every write of the status would read and write it.
 */
function own({ properties }: StructuralSchema): void {
  const parts = Object.entries(properties?.['spec']?.properties ?? {});
  const whole = parts.filter(([name]) => !GRANULAR.includes(name)).map(([, part]) => part);
  for (const part of [...whole, properties?.['status']]) if (part?.type === 'object') part['x-kubernetes-map-type'] = 'atomic';
}

function celOf(rules: readonly Rule[]): CelRules {
  return together(...rules.map(({ at, cel }) => (cel === undefined ? {} : { [at]: [cel] })));
}

function attach(root: StructuralSchema, rules: CelRules): void {
  for (const [path, list] of Object.entries(rules)) {
    const field = fieldAt(root, path);
    if (list.length > 0) field['x-kubernetes-validations'] = [...(field['x-kubernetes-validations'] ?? []), ...list];
  }
}

function fieldAt(root: StructuralSchema, path: string): StructuralSchema {
  const schema = schemaAt(root, path);
  if (schema === undefined) throw new TypeError(`the schema has no field ${path}`);
  return schema;
}

/** The CRD to apply. It serves one version; docs/adr/0007-crd-versions.md describes how to add another. */
export function experimentCrd(): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${PLURAL}.${GROUP}`, labels: { 'app.kubernetes.io/name': 'carpal', 'app.kubernetes.io/part-of': 'carpal' } },
    spec: {
      group: GROUP,
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: KIND.toLowerCase(),
        shortNames: [SHORT_NAME],
        categories: ['carpal'],
      },
      scope: 'Namespaced',
      conversion: { strategy: 'None' },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: experimentStructuralSchema() },
          subresources: { status: {} },
          additionalPrinterColumns: PRINTER_COLUMNS,
          selectableFields: SELECTABLE_FIELDS.map((jsonPath) => ({ jsonPath })),
        },
      ],
    },
  };
}
