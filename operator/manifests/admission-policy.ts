/**
 * What a CRD cannot say because it differs from namespace to namespace: which data sets may be read and which queues used. A
 * ValidatingAdmissionPolicy, so that nothing of ours need run for a manifest to be refused.
 *
 * The limits lie in one ConfigMap in the operator's own namespace, not in the experiment's: whoever may edit ConfigMaps there could lift them.
 */
import { GROUP, PLURAL, VERSION } from '@carpal/configs/names.ts';
import { LABELS, OPERATOR_NAMESPACE } from './labels.ts';

export const LIMITS_NAME = 'carpal-limits';
const POLICY_NAME = `limits.${GROUP}`;

/** CEL: the lines of a limit for this namespace: `<key>.<namespace>` where there is one, else `<key>`; none where there is neither. */
function limitOf(key: string): string {
  const own = `'${key}.' + request.namespace`;
  return `!has(params.data) ? '' : ${own} in params.data ? params.data[${own}] : '${key}' in params.data ? params.data['${key}'] : ''`;
}

/** CEL: whether there is such a limit at all. One that is there and empty allows nothing. */
function isLimited(key: string): string {
  return `has(params.data) && ('${key}.' + request.namespace in params.data || '${key}' in params.data)`;
}

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
        { name: 'datasets', expression: limitOf('datasets') },
        { name: 'prefixes', expression: `${lines('datasets')}.map(line, line.endsWith('/') ? line : line + '/')` },
        { name: 'queues', expression: limitOf('queues') },
        { name: 'queueNames', expression: lines('queues') },
      ],
      validations: [
        {
          expression: `!(${isLimited('datasets')}) || !variables.uri.matches('(^|/)[.][.]?(/|$)') && variables.prefixes.exists(prefix, (variables.uri + '/').startsWith(prefix))`,
          messageExpression: `'spec.dataset.uri: ' + variables.uri + ' is not a data set that namespace ' + request.namespace + ' may read. ' + (variables.prefixes.size() == 0 ? 'None is allowed: ' : 'Write one below ' + variables.prefixes.join(' or ') + ', or ') + '${ask}'`,
          message: 'spec.dataset.uri is not a data set that this namespace may read.',
          reason: 'Forbidden',
        },
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
