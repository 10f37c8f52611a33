import { storeFolder } from '@carpal/artifacts/open-store.ts';
import { loadEnvironment, MAX_GRACE_SECONDS, MIN_GRACE_SECONDS } from '@carpal/configs/environment.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { withoutUndefined } from '@carpal/configs/json.ts';
import { limitsName, namespaceLimits } from '@carpal/operator/install/admission-limits.ts';
import { experimentNamespace, stageObjects } from '@carpal/operator/install/experiment-namespace.ts';
import { type IamRole, iamPolicy } from '@carpal/operator/install/iam-policy.ts';
import { type ManifestSettings, manifestSettings } from '@carpal/operator/install/manifest-settings.ts';
import { allManifests, clusterManifests, namespacedManifests, yamlDocuments } from '@carpal/operator/install/manifests.ts';
import { type NetworkPeer, networkPeer } from '@carpal/operator/install/network-peer.ts';
import { PRUNE_SCHEDULE } from '@carpal/operator/install/prune.ts';
import { isDigest } from '@carpal/operator/jobs/stage-settings.ts';
import { Command, InvalidArgumentError, Option } from 'commander';
import { addLimitOptions, givenLimit, type LimitOptions, limitsOf } from './namespace-limits.ts';
import { collectVariable, labelName, quantity, wholeNumber } from './option-values.ts';

type Options = LimitOptions & {
  environment?: string;
  image?: string;
  artifacts?: string;
  artifactsSecret?: string;
  artifactsClaim?: string;
  pullSecret?: string;
  namespace?: string;
  watchNamespace?: string;
  env?: Record<string, string>;
  prepareCpu?: string;
  prepareMemory?: string;
  prepareQueue?: string;
  graceSeconds?: number;
  sharedMemory?: string;
  experiments?: string[];
  scope?: 'cluster' | 'namespaces';
  allowStore?: NetworkPeer[];
  allowMlflow?: NetworkPeer;
  monitoring?: true;
  prune?: string;
  forNamespace?: string;
  iamPolicy?: IamRole;
};

/** `carpal manifests`: every Kubernetes object of an installation, as YAML. */
export const command = (): Command =>
  addLimitOptions(
    new Command()
      .description('Prints every Kubernetes object of an installation as YAML, for kubectl apply --server-side -f -.')
      .option('--environment <name>', 'one of configs/environments, or the path of such a file: provides the artifact store and variables')
      .option('--image <reference>', 'the image of the operator and the stages, by digest')
      .option('--artifacts <uri>', 's3://bucket/prefix, or the folder at which --artifacts-claim is mounted')
      .option('--artifacts-secret <name>', "a Secret with the store's credentials; not needed with Pod Identity or IRSA")
      .option(
        '--artifacts-claim <name>',
        "a ReadWriteMany claim in the operator's namespace and in each namespace of experiments, all on one disk",
      )
      .option('--pull-secret <name>', "a Secret for the image's registry, in the same namespaces")
      .option('--namespace <name>', 'namespace of the operator (default: carpal-system)', kubernetesName)
      .option('--watch-namespace <name>', 'run the experiments of one namespace only, with rights in that namespace only', kubernetesName)
      .option('--env <name=value>', 'a variable of the operator and of every stage; may be given several times', collectVariable)
      .option('--prepare-cpu <quantity>', 'as for carpal operator', quantity('--prepare-cpu'))
      .option('--prepare-memory <quantity>', 'as for carpal operator', quantity('--prepare-memory'))
      .option('--prepare-queue <name>', 'as for carpal operator', labelName('--prepare-queue'))
      .option('--grace-seconds <count>', 'as for carpal operator', wholeNumber('--grace-seconds', MIN_GRACE_SECONDS, MAX_GRACE_SECONDS))
      .option('--shared-memory <quantity>', 'as for carpal operator', quantity('--shared-memory'))
      .option('--experiments <namespace>', 'a namespace that gets what stages need; may be given several times', names)
      .addOption(
        new Option('--scope <scope>', 'print only what needs an administrator of the cluster, or only the other objects').choices([
          'cluster',
          'namespaces',
        ]),
      )
      .option(
        '--allow-store <peer>',
        'a server of artifacts or data sets, as CIDR:PORT or NAMESPACE:PORT (default: any address on port 443); may be given several times',
        peers,
      )
      .option('--allow-mlflow <peer>', 'an MLflow server in the cluster, as NAMESPACE:PORT or CIDR:PORT', peer)
      .option('--monitoring', 'add ServiceMonitor, alerts and dashboard, for a cluster with the Prometheus operator')
      .addOption(new Option('--prune [schedule]', 'add a CronJob that prunes the artifacts').preset(PRUNE_SCHEDULE))
      .option('--for-namespace <name>', 'print only what a further namespace of experiments needs', kubernetesName)
      .addOption(
        new Option('--iam-policy <role>', 'print only the IAM policy of a role; for stages, with --for-namespace and --dataset').choices([
          'stages',
          'operator',
          'prune',
        ]),
      ),
  ).action((options: Options) => void process.stdout.write(output(options)));

function output(options: Options): string {
  const { forNamespace, iamPolicy: role } = options;
  if (role !== undefined) return policyOf(role, options);
  return forNamespace === undefined ? installation(options) : namespaceOf(forNamespace, options);
}

function installation(options: Options): string {
  const limit = givenLimit(options);
  if (limit !== undefined)
    throw new CarpalError('usage-invalid', `${limit} is a limit of one namespace`, { fix: 'Name the namespace with --for-namespace.' });
  const settings = settingsOf(options);
  noteWhatIsMissing(options, settings);
  const { experiments: experimentNamespaces, monitoring, prune: pruneSchedule, scope } = options;
  const print = scope === undefined ? allManifests : scope === 'cluster' ? clusterManifests : namespacedManifests;
  return yamlDocuments(print(settings, withoutUndefined({ experimentNamespaces, monitoring, pruneSchedule })));
}

function settingsOf(options: Options): ManifestSettings {
  const environment = options.environment === undefined ? undefined : loadEnvironment(options.environment);
  const artifactsUri = options.artifacts ?? environment?.artifacts;
  if (artifactsUri !== undefined && storeFolder(artifactsUri) !== undefined && options.artifactsClaim === undefined)
    throw new CarpalError('usage-invalid', `pods cannot read the local folder ${artifactsUri}`, {
      where: '--artifacts',
      fix: 'Name the claim with --artifacts-claim, or give s3://bucket/prefix.',
    });
  const { prepareCpu: cpu, prepareMemory: memory, prepareQueue: queueName, graceSeconds, sharedMemory } = options;
  return manifestSettings({
    ...withoutUndefined({
      namespace: options.namespace,
      watchNamespace: options.watchNamespace,
      image: options.image,
      artifactsUri,
      artifactsSecretName: options.artifactsSecret,
      artifactsClaimName: options.artifactsClaim,
      pullSecretName: options.pullSecret,
      storePeers: options.allowStore,
      mlflowPeer: options.allowMlflow,
    }),
    env: { ...environment?.env, ...options.env },
    stages: {
      ...environment?.stages,
      ...withoutUndefined({ graceSeconds, sharedMemory }),
      prepare: { ...environment?.stages.prepare, ...withoutUndefined({ cpu, memory, queueName }) },
    },
  });
}

function noteWhatIsMissing({ image, scope }: Options, { artifactsUri }: ManifestSettings): void {
  // The image and the store are only in objects of namespaces.
  if (scope === 'cluster') return;
  const missing = [
    ...(image === undefined ? ['--image'] : []),
    ...(artifactsUri === manifestSettings().artifactsUri ? ['--artifacts'] : []),
  ];
  if (missing.length > 0) {
    process.stderr.write(`note: without ${missing.join(' and ')} the Deployment contains a placeholder; replace it before you apply\n`);
  }
  if (image !== undefined && !isDigest(image)) {
    process.stderr.write(
      `note: ${image} is not a digest: replicas and retries may run another image once the tag moves; use repository@sha256:…\n`,
    );
  }
}

function namespaceOf(name: string, options: Options): string {
  const settings = settingsOf(options);
  const limits = namespaceLimits(name, limitsOf(options), settings);
  const how =
    `# kubectl apply --server-side --field-manager=carpal-limits-${name} -f -\n` +
    `# The field manager leaves the limits of other namespaces in ConfigMap ${settings.namespace}/${limitsName(settings)} unchanged.\n`;
  const objects = [experimentNamespace(name), ...stageObjects(settings, name), ...(limits === undefined ? [] : [limits])];
  return `${limits === undefined ? '' : how}${yamlDocuments(objects)}`;
}

function policyOf(role: IamRole, options: Options): string {
  const missing = (what: string, fix: string): CarpalError => new CarpalError('usage-invalid', what, { where: '--iam-policy', fix });
  const { artifactsUri, watchNamespace } = settingsOf(options);
  if (options.artifacts === undefined && options.environment === undefined)
    throw missing('the artifact store is missing', 'Give --artifacts s3://bucket/prefix.');
  const namespace = options.forNamespace ?? watchNamespace;
  if (role === 'stages' && namespace === undefined)
    throw missing('stages of different namespaces need different policies', 'Name the namespace with --for-namespace.');
  const readable = [...(options.dataset ?? []), ...(options.weights ?? [])];
  const policy = iamPolicy({ role, artifactsUri, readable, ...withoutUndefined({ namespace }) });
  return `${JSON.stringify(policy, null, 2)}\n`;
}

function kubernetesName(value: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value))
    throw new InvalidArgumentError('It must consist of lower-case letters, digits and "-".');
  return value;
}

function names(value: string, before: string[] = []): string[] {
  return [...before, kubernetesName(value)];
}

function peer(value: string): NetworkPeer {
  const found = networkPeer(value);
  if (found === undefined) throw new InvalidArgumentError('Write CIDR:PORT such as 10.0.0.0/8:9000, or NAMESPACE:PORT such as minio:9000.');
  return found;
}

function peers(value: string, before: NetworkPeer[] = []): NetworkPeer[] {
  return [...before, peer(value)];
}
