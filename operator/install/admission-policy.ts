/**
 * What a CRD cannot say because it differs from namespace to namespace: which data sets and weights may be read and which queues used. A
 * ValidatingAdmissionPolicy, so that nothing of ours need run for a manifest to be refused.
 *
 * The limits lie in one ConfigMap in the operator's own namespace, not in the experiment's: whoever may edit ConfigMaps there could lift them.
 */
import { GROUP, PLURAL, VERSION } from '@carpal/configs/names.ts';
import { LABELS, OPERATOR_NAMESPACE } from './manifest-settings.ts';

export const LIMITS_NAME = 'carpal-limits';
const POLICY_NAME = `limits.${GROUP}`;

/**
 * CEL: the lines of a limit for this namespace: `<key>.<namespace>` where there is one, else `<key>`; those of the next key where there is
 * neither; none in the end.
 */
function limitOf(...keys: readonly string[]): string {
  const choices = keys.map((key) => {
    const own = `'${key}.' + request.namespace`;
    return `${own} in params.data ? params.data[${own}] : '${key}' in params.data ? params.data['${key}'] : `;
  });
  return `!has(params.data) ? '' : ${choices.join('')}''`;
}

/** CEL: whether there is such a limit at all. One that is there and empty allows nothing. */
function isLimited(...keys: readonly string[]): string {
  const any = keys.map((key) => `'${key}.' + request.namespace in params.data || '${key}' in params.data`);
  return `has(params.data) && (${any.join(' || ')})`;
}

/**
 * CEL: whether an address could mean another place than it says: steps up, and in file:// addresses what a reader of addresses takes out or
 * decodes first. Plain paths and s3:// addresses are taken as they are written.
 */
function isDevious(uri: string): string {
  const steps = `${uri}.matches('(^|/)[.][.]?(/|$)')`;
  const hidden = `${uri}.matches('[[:cntrl:]]')`;
  const decoded = `${uri}.matches('^(?i)file:') && ${uri}.matches('[%\\\\\\\\[:space:]]')`;
  return `(${steps} || ${hidden} || ${decoded})`;
}

/** Refuses an address that is not below one of the prefixes, which are variables, as is the address; '' is none. */
function below(field: string, what: string, uri: string, prefixes: string, limited: string, ask: string): object {
  const place = `(variables.${prefixes}.size() == 0 ? 'None is allowed: ' : 'Write one below ' + variables.${prefixes}.join(' or ') + ', or ')`;
  const isBelow = `variables.${prefixes}.exists(prefix, (variables.${uri} + '/').startsWith(prefix))`;
  return {
    expression: `!(${limited}) || variables.${uri} == '' || !${isDevious(`variables.${uri}`)} && ${isBelow}`,
    messageExpression: `'${field}: ' + variables.${uri} + ' is ${what} that namespace ' + request.namespace + ' may read. ' + ${place} + '${ask}'`,
    message: `${field} is ${what} that this namespace may read.`,
    reason: 'Forbidden',
  };
}

const folders = (limit: string): string => `${lines(limit)}.map(line, line.endsWith('/') ? line : line + '/')`;
const lines = (limit: string): string => `variables.${limit}.split('\\n').map(line, line.trim()).filter(line, line != '')`;

const askOf = (namespace: string): string => `ask who keeps ConfigMap ${namespace}/${LIMITS_NAME} to add it.`;

/** The policy. Only creation is looked at: nothing that it judges can change later, and the operator's own writes must never be refused. */
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
        // Where nobody has thought of weights they may lie beside the data, and nowhere else.
        { name: 'weights', expression: limitOf('weights', 'datasets') },
        { name: 'weightPrefixes', expression: folders('weights') },
        { name: 'queues', expression: limitOf('queues') },
        { name: 'queueNames', expression: lines('queues') },
      ],
      validations: [
        below('spec.dataset.uri', 'not a data set', 'uri', 'prefixes', isLimited('datasets'), ask),
        below('spec.model.pretrained.uri', 'no file of weights', 'pretrained', 'weightPrefixes', isLimited('weights', 'datasets'), ask),
        {
          expression: `!(${isLimited('queues')}) || variables.queue in variables.queueNames`,
          messageExpression: `'spec.placement.queueName: ' + (variables.queue == '' ? 'is missing, and namespace ' + request.namespace + ' needs one' : '"' + variables.queue + '" is not a queue that namespace ' + request.namespace + ' may use') + '. ' + (variables.queueNames.size() == 0 ? 'None is allowed: ' : 'Write ' + variables.queueNames.join(' or ') + ', or ') + '${ask}'`,
          message: 'spec.placement.queueName is not a queue that this namespace may use.',
          reason: 'Forbidden',
        },
      ],
    },
  };
}

/** Puts the policy into force everywhere. Without the ConfigMap nothing is let in: a limit that was lost must not mean no limit. */
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

/** The limits as they come: none. `data` is for each site to fill. */
export function admissionLimits(namespace = OPERATOR_NAMESPACE): object {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: LIMITS_NAME, namespace, labels: LABELS },
    data: {},
  };
}
