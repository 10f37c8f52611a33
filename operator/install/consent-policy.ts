/**
 * A warning for the person who applies an experiment in a namespace that has not opted in. The operator may not write there, neither
 * a status nor an event. The policy asks the API server for the rights of the operator, so the warning cannot disagree with them.
 */
import { celText, literal } from '@carpal/configs/cel.ts';
import { GROUP, PLURAL, VERSION } from '@carpal/configs/names.ts';
import { operatorName } from '../controller/operator-name.ts';
import { clusterScopedName, type InstalledOperator, LABELS, OPERATOR_NAMESPACE } from './manifest-settings.ts';

const WARNING =
  'namespace {namespace} has not opted in: the operator in {operator} neither runs the experiment nor reports a status. An administrator lets ' +
  'the namespace opt in: carpal manifests --for-namespace {namespace}{options} | kubectl apply --server-side -f -';

const policyName = (operator: InstalledOperator): string => `${clusterScopedName('consent', operator)}.${GROUP}`;

/** The policy and its binding; nothing for an operator of one namespace, which needs no consent. It refuses nothing. */
export function consentPolicy(operator: InstalledOperator): readonly object[] {
  const { namespace, watchNamespace } = operator;
  if (watchNamespace !== undefined) return [];
  const account = `authorizer.serviceAccount(${literal(namespace)}, ${literal(operatorName())})`;
  const metadata = { name: policyName(operator), labels: LABELS };
  return [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        failurePolicy: 'Ignore',
        matchConstraints: {
          resourceRules: [{ apiGroups: [GROUP], apiVersions: [VERSION], operations: ['CREATE', 'UPDATE'], resources: [PLURAL] }],
        },
        validations: [
          {
            expression: `${account}.group('batch').resource('jobs').namespace(request.namespace).check('create').allowed()`,
            messageExpression: celText(WARNING, {
              namespace: 'request.namespace',
              operator: literal(namespace),
              options: namespace === OPERATOR_NAMESPACE ? '' : literal(` --namespace ${namespace}`),
            }),
            message: 'this namespace has not opted in: the operator does not run the experiment.',
          },
        ],
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: metadata.name, validationActions: ['Warn', 'Audit'] },
    },
  ];
}
