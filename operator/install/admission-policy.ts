/**
 * What a CRD cannot check because it differs between namespaces: which data sets and weights may be read, and which queues may be used. It
 * is a ValidatingAdmissionPolicy, so the API server refuses a manifest even while no operator runs.
 * The limits are in one ConfigMap in the operator's namespace, not in the namespace of the experiment: there, anyone who may edit
 * ConfigMaps could remove them.
 */
import { GROUP, PLURAL, VERSION } from '@carpal/configs/names.ts';
import { LABELS, OPERATOR_NAMESPACE } from './manifest-settings.ts';

export const LIMITS_NAME = 'carpal-limits';
const POLICY_NAME = `limits.${GROUP}`;

/**
 * CEL: the lines of a limit for this namespace. The entry `<key>.<namespace>` has priority over the entry `<key>`, and both have priority
 * over the entries of the next key. Without any entry there are no lines.
 */
function limitOf(...keys: readonly string[]): string {
  const choices = keys.map((key) => {
    const own = `'${key}.' + request.namespace`;
    return `${own} in params.data ? params.data[${own}] : '${key}' in params.data ? params.data['${key}'] : `;
  });
  return `!has(params.data) ? '' : ${choices.join('')}''`;
}

/** CEL: whether the limit exists. A limit that exists and is empty allows nothing. */
function isLimited(...keys: readonly string[]): string {
  const any = keys.map((key) => `'${key}.' + request.namespace in params.data || '${key}' in params.data`);
  return `has(params.data) && (${any.join(' || ')})`;
}

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

/** Refuses an address that is not below one of the prefixes. `uri` and `prefixes` are names of variables; an empty address is accepted. */
function below(field: string, what: string, uri: string, prefixes: string, limited: string, ask: string): object {
  const place = `(variables.${prefixes}.size() == 0 ? 'None is allowed: ' : 'Use one below ' + variables.${prefixes}.join(' or ') + ', or ')`;
  const isBelow = `variables.${prefixes}.exists(prefix, (variables.${uri} + '/').startsWith(prefix))`;
  return {
    expression: `!(${limited}) || variables.${uri} == '' || !${isAmbiguous(`variables.${uri}`)} && ${isBelow}`,
    messageExpression: `'${field}: ' + variables.${uri} + ' is ${what} that namespace ' + request.namespace + ' may read. ' + ${place} + '${ask}'`,
    message: `${field} is ${what} that this namespace may read.`,
    reason: 'Forbidden',
  };
}

const folders = (limit: string): string => `${lines(limit)}.map(line, line.endsWith('/') ? line : line + '/')`;
const lines = (limit: string): string => `variables.${limit}.split('\\n').map(line, line.trim()).filter(line, line != '')`;

const askOf = (namespace: string): string => `ask the owner of ConfigMap ${namespace}/${LIMITS_NAME} to add it.`;

/**
 * The policy. It applies to creation only: the fields that it checks are immutable, and the operator's own writes must never be refused.
 */
export function admissionPolicy(namespace = OPERATOR_NAMESPACE): object {
  const ask = askOf(namespace);
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: POLICY_NAME, labels: LABELS },
    spec: {
      failurePolicy: 'Fail',
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      matchConstraints: {
        resourceRules: [{ apiGroups: [GROUP], apiVersions: [VERSION], operations: ['CREATE'], resources: [PLURAL] }],
      },
      variables: [
        { name: 'uri', expression: 'object.spec.dataset.uri' },
        {
          name: 'queue',
          expression: "has(object.spec.placement) && has(object.spec.placement.queueName) ? object.spec.placement.queueName : ''",
        },
        {
          name: 'pretrained',
          expression: "has(object.spec.model.pretrained) ? object.spec.model.pretrained.uri : ''",
        },
        { name: 'datasets', expression: limitOf('datasets') },
        { name: 'prefixes', expression: folders('datasets') },
        // Without a limit for weights, the limit for data sets applies to them.
        { name: 'weights', expression: limitOf('weights', 'datasets') },
        { name: 'weightPrefixes', expression: folders('weights') },
        { name: 'queues', expression: limitOf('queues') },
        { name: 'queueNames', expression: lines('queues') },
      ],
      validations: [
        below('spec.dataset.uri', 'not a data set', 'uri', 'prefixes', isLimited('datasets'), ask),
        below('spec.model.pretrained.uri', 'not a weights file', 'pretrained', 'weightPrefixes', isLimited('weights', 'datasets'), ask),
        {
          expression: `!(${isLimited('queues')}) || variables.queue in variables.queueNames`,
          messageExpression: `'spec.placement.queueName: ' + (variables.queue == '' ? 'is missing, and namespace ' + request.namespace + ' needs one' : '"' + variables.queue + '" is not a queue that namespace ' + request.namespace + ' may use') + '. ' + (variables.queueNames.size() == 0 ? 'None is allowed: ' : 'Use ' + variables.queueNames.join(' or ') + ', or ') + '${ask}'`,
          message: 'spec.placement.queueName is not a queue that this namespace may use.',
          reason: 'Forbidden',
        },
      ],
    },
  };
}

/** Activates the policy for all namespaces. Without the ConfigMap nothing is accepted: a lost limit must not mean that no limit applies. */
export function admissionPolicyBinding(namespace = OPERATOR_NAMESPACE): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: POLICY_NAME, labels: LABELS },
    spec: {
      policyName: POLICY_NAME,
      validationActions: ['Deny'],
      paramRef: { name: LIMITS_NAME, namespace, parameterNotFoundAction: 'Deny' },
    },
  };
}

/** The ConfigMap of limits, without any limit. Each site fills in `data`. */
export function admissionLimits(namespace = OPERATOR_NAMESPACE): object {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: LIMITS_NAME, namespace, labels: LABELS },
    data: {},
  };
}
