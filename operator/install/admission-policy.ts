/**
 * What a CRD cannot check because it differs between namespaces: which data sets and weights may be read, which queues, service accounts,
 * priorities and nodes may be used, and who may get reports. It is a ValidatingAdmissionPolicy, so the API server refuses a manifest even
 * while no operator runs.
 * The limits are in one ConfigMap in the operator's namespace, not in the namespace of the experiment: there, anyone who may edit
 * ConfigMaps could remove them. The names carry the operator's namespace: another installation adds its own limits and lifts none.
 */
import { GROUP, PLURAL, VERSION } from '@carpal/configs/names.ts';
import { type Check, comparedWithLimit, has, limitVariables } from './admission-checks.ts';
import { LIMIT_KEYS, type LimitKey, limitsName } from './admission-limits.ts';
import { clusterScopedName, type InstalledOperator, LABELS } from './manifest-settings.ts';

/** The name of the policy and of its binding. */
export const policyName = (operator: InstalledOperator): string => `${clusterScopedName('limits', operator)}.${GROUP}`;

/**
 * CEL: whether an address could refer to a different place than it shows. This is possible with `.` and `..` segments and, in file://
 * addresses, with characters that a URL parser removes or decodes first. Plain paths and s3:// addresses are used as they are written.
 */
function isAmbiguous(uri: string): string {
  const steps = `${uri}.matches('(^|/)[.][.]?(/|$)')`;
  const hidden = `${uri}.matches('[[:cntrl:]]')`;
  const decoded = `${uri}.matches('^(?i)file:') && ${uri}.matches('[%\\\\\\\\[:space:]]')`;
  return `(${steps} || ${hidden} || ${decoded})`;
}

const folder = (line: string): string => `(${line}.endsWith('/') ? ${line} : ${line} + '/')`;

/** The check of an address, which must be below one of the lines. */
function location(key: LimitKey, field: string, what: string, owner: string): Check {
  return comparedWithLimit({
    key,
    field,
    used: (object) => `${has(`${object}.${field}`)} ? [${object}.${field}] : []`,
    isAllowed: (value, lines) => `!${isAmbiguous(value)} && ${lines}.exists(line, (${value} + '/').startsWith(${folder('line')}))`,
    what,
    verb: 'read',
    listed: `'one below ' + variables.${key}.map(line, ${folder('line')}).join(' or ')`,
    owner,
  });
}

/** The check of a field with one name. An empty name means the default, which is always allowed. */
function name(key: LimitKey, field: string, what: string, owner: string): Check {
  return comparedWithLimit({
    key,
    field,
    used: (object) => `${has(`${object}.${field}`)} && ${object}.${field} != '' ? [${object}.${field}] : []`,
    isAllowed: (value, lines) => `${value} in ${lines}`,
    what,
    owner,
  });
}

/** The check of a queue. Work without a queue would avoid its quota. A stage without a field of its own gets what the operator chooses. */
function queue(field: string, isOwn: boolean, owner: string): Check {
  return comparedWithLimit({
    key: 'queues',
    field,
    used: (object) => `${has(`${object}.${field}`)} ? [${object}.${field}] : [${isOwn ? '' : "''"}]`,
    isAllowed: (value, lines) => `${value} in ${lines}`,
    what: 'a queue',
    missing: "'is missing, and namespace ' + request.namespace + ' needs one'",
    owner,
  });
}

/** CEL: a toleration as `key=value:effect`, without the parts that it does not have. One without a key tolerates every taint. */
const tolerationText = (toleration: string): string =>
  `(${has(`${toleration}.key`)} && ${toleration}.key != '' ? ${toleration}.key : '*') + ` +
  `(${has(`${toleration}.value`)} && ${toleration}.value != '' ? '=' + ${toleration}.value : '') + ` +
  `(${has(`${toleration}.effect`)} ? ':' + ${toleration}.effect : '')`;

function tolerations(field: string, owner: string): Check {
  return comparedWithLimit({
    key: 'tolerations',
    field,
    used: (object) => `${has(`${object}.${field}`)} ? ${object}.${field}.map(one, ${tolerationText('one')}) : []`,
    isAllowed: (value, lines) =>
      `${lines}.exists(line, line == '*' || line == ${value} || ${value}.startsWith(line + '=') || ${value}.startsWith(line + ':') || ` +
      `(line.matches('^[^=:]+:[A-Za-z]+$') && ${value}.startsWith(line.split(':')[0] + '=') && ${value}.endsWith(':' + line.split(':')[1])))`,
    what: 'a toleration',
    owner,
  });
}

function nodeSelector(field: string, owner: string): Check {
  return comparedWithLimit({
    key: 'nodeSelectors',
    field,
    used: (object) => `${has(`${object}.${field}`)} ? ${object}.${field}.map(key, key + '=' + ${object}.${field}[key]) : []`,
    isAllowed: (value, lines) => `${lines}.exists(line, line == '*' || line == ${value} || ${value}.startsWith(line + '='))`,
    what: 'a node label',
    owner,
  });
}

/** CEL: the receivers of reports, each with the kind of report in front. An empty id means the operator's default. */
function receivers(object: string): string {
  const report = `${object}.spec.report`;
  const named = (kind: string, field: string): string =>
    `(${has(`${report}.${field}`)} && ${report}.${field} != '' ? ['${kind}:' + ${report}.${field}] : [])`;
  return [
    named('slack', 'slack.channel'),
    `(${has(`${report}.kakao.receivers`)} ? ${report}.kakao.receivers.map(one, 'kakao:' + one) : [])`,
    named('sheets', 'sheets.spreadsheetId'),
    named('mlflow', 'mlflow.experiment'),
  ].join(' + ');
}

function reports(owner: string): Check {
  return comparedWithLimit({
    key: 'reports',
    field: 'spec.report',
    used: receivers,
    isAllowed: (value, lines) => `${lines}.exists(line, line == '*' || line == ${value} || line == ${value}.split(':')[0] + ':*')`,
    what: 'a receiver of reports',
    owner,
  });
}

/** The checks of one placement: of the folds, or of a stage of its own. */
function placementChecks(at: string, isOwn: boolean, owner: string): readonly Check[] {
  return [
    queue(`${at}.queueName`, isOwn, owner),
    name('priorityClasses', `${at}.priorityClassName`, 'a priority class', owner),
    name('workloadPriorityClasses', `${at}.workloadPriorityClass`, 'a workload priority class', owner),
    tolerations(`${at}.tolerations`, owner),
    nodeSelector(`${at}.nodeSelector`, owner),
  ];
}

/** The policy. On an update it checks only values that the experiment did not have before. Writes of the status do not reach it. */
export function admissionPolicy(operator: InstalledOperator): object {
  const owner = `ask the owner of ConfigMap ${operator.namespace}/${limitsName(operator)} to add it.`;
  const checks = [
    location('datasets', 'spec.dataset.uri', 'a data set', owner),
    location('weights', 'spec.model.pretrained.uri', 'a weights file', owner),
    name('serviceAccounts', 'spec.placement.serviceAccountName', 'a service account', owner),
    ...placementChecks('spec.placement', false, owner),
    ...placementChecks('spec.placement.prepare', true, owner),
    ...placementChecks('spec.placement.ensemble', true, owner),
    reports(owner),
  ];
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: policyName(operator), labels: LABELS },
    spec: {
      failurePolicy: 'Fail',
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      matchConstraints: {
        resourceRules: [{ apiGroups: [GROUP], apiVersions: [VERSION], operations: ['CREATE', 'UPDATE'], resources: [PLURAL] }],
      },
      variables: [
        ...LIMIT_KEYS.flatMap((key) => limitVariables(key, ...(key === 'weights' ? (['datasets'] as const) : []))),
        ...checks.flatMap(({ variables }) => variables),
      ],
      validations: checks.flatMap(({ validations }) => validations),
    },
  };
}

/**
 * Activates the policy for the namespaces of the operator. Without the ConfigMap nothing is accepted: a lost limit must not mean that no
 * limit applies.
 */
export function admissionPolicyBinding(operator: InstalledOperator): object {
  const { namespace, watchNamespace } = operator;
  const name = policyName(operator);
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name, labels: LABELS },
    spec: {
      policyName: name,
      validationActions: ['Deny'],
      paramRef: { name: limitsName(operator), namespace, parameterNotFoundAction: 'Deny' },
      ...(watchNamespace === undefined
        ? {}
        : { matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': watchNamespace } } } }),
    },
  };
}
