/** The CustomResourceDefinition of SegmentationExperiments, made of the zod schema, its rules and its texts. */
import { GROUP, PLURAL, SHORT_NAME, VERSION } from '../names.ts';
import { type CelRules, together } from '../rules/cel.ts';
import { KIND, manifestSpecSchema } from '../schema/experiment.ts';
import { MUTABLE } from '../schema/immutable.ts';
import { statusSchema } from '../schema/status.ts';
import { fieldText } from './field-texts.ts';
import { immutability } from './immutability.ts';
import { LEARNING_CEL } from './learning-rules.ts';
import { OBJECTIVE_CEL } from './objective-rules.ts';
import { PRINTER_COLUMNS, SELECTABLE_FIELDS } from './printer-columns.ts';
import { RUNNING_CEL } from './running-rules.ts';
import { STATUS_CEL } from './status-rules.ts';
import { fieldsOf, type StructuralSchema, schemaAt, structuralSchema } from './structural-schema.ts';

/** The schema of the whole object: types, limits, defaults, texts and rules. */
export function experimentStructuralSchema(): StructuralSchema {
  const spec = structuralSchema(manifestSpecSchema);
  const root: StructuralSchema = {
    type: 'object',
    description: 'A cross-validated segmentation experiment: its folds are trained, and their ensemble makes a submission.',
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
  attach(root, together(LEARNING_CEL, OBJECTIVE_CEL, RUNNING_CEL, immutability(spec), STATUS_CEL));
  return root;
}

/**
 * What cannot change, and what one writer writes, belongs to one owner as a whole. Kept field by field, the owners of an experiment would be as
 * long as the experiment, and the API server reads and writes them with every status.
 */
function own({ properties }: StructuralSchema): void {
  const parts = Object.entries(properties?.['spec']?.properties ?? {});
  const fixed = parts.filter(([name]) => !MUTABLE.some(([first]) => first === name)).map(([, part]) => part);
  for (const part of [...fixed, properties?.['status']]) if (part?.type === 'object') part['x-kubernetes-map-type'] = 'atomic';
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

/** The object to apply. One version is served; docs/adr/0007-crd-versions.md says how a second one comes. */
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
