import { storeFolder } from '@carpal/artifacts/open-store.ts';
import { loadEnvironment } from '@carpal/configs/environment.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { namespaceLimits, stageServiceAccount } from '@carpal/operator/install/experiment-namespace.ts';
import { manifestSettings } from '@carpal/operator/install/manifest-settings.ts';
import { allManifests, yamlDocuments } from '@carpal/operator/install/manifests.ts';
import { isDigest } from '@carpal/operator/jobs/stage-settings.ts';
import { Command, InvalidArgumentError } from 'commander';
import { collect, collectVariable } from './option-values.ts';

type Options = {
  environment?: string;
  image?: string;
  artifacts?: string;
  artifactsSecret?: string;
  artifactsClaim?: string;
  pullSecret?: string;
  namespace?: string;
  watchNamespace?: string;
  env?: Record<string, string>;
  experiments?: string[];
  monitoring?: true;
  forNamespace?: string;
  dataset?: string[];
  weights?: string[];
  queue?: string[];
};

/** `carpal manifests`: every Kubernetes object of an installation, as YAML. */
export const command = (): Command =>
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
    .option('--watch-namespace <name>', 'manage the experiments of one namespace only', kubernetesName)
    .option('--env <name=value>', 'a variable of the operator and of every stage; may be given several times', collectVariable)
    .option('--experiments <namespace>', 'a namespace that gets the service account of the stages; may be given several times', names)
    .option('--monitoring', 'add ServiceMonitor, alerts and dashboard, for a cluster with the Prometheus operator')
    .option('--for-namespace <name>', 'print only what a further namespace of experiments needs', kubernetesName)
    .option(
      '--dataset <uri>',
      'with --for-namespace: a data set that it may read; all others are denied; may be given several times',
      collect,
    )
    .option(
      '--weights <uri>',
      'with --for-namespace: a location of its initial weights (default: the same locations as data sets); may be given several times',
      collect,
    )
    .option('--queue <name>', 'with --for-namespace: a queue that it may use; all others are denied; may be given several times', collect)
    .action((options: Options) => {
      process.stdout.write(options.forNamespace === undefined ? installation(options) : forNamespace(options.forNamespace, options));
    });

function installation(options: Options): string {
  if (options.dataset !== undefined || options.weights !== undefined || options.queue !== undefined)
    throw new CarpalError('usage-invalid', '--dataset, --weights and --queue are limits of one namespace', {
      fix: 'Name the namespace with --for-namespace.',
    });
  const environment = options.environment === undefined ? undefined : loadEnvironment(options.environment);
  const artifactsUri = options.artifacts ?? environment?.artifacts;
  if (artifactsUri !== undefined && storeFolder(artifactsUri) !== undefined && options.artifactsClaim === undefined)
    throw new CarpalError('usage-invalid', `pods cannot read the local folder ${artifactsUri}`, {
      where: '--artifacts',
      fix: 'Name the claim with --artifacts-claim, or give s3://bucket/prefix.',
    });
  const settings = manifestSettings({
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    ...(options.watchNamespace === undefined ? {} : { watchNamespace: options.watchNamespace }),
    ...(options.image === undefined ? {} : { image: options.image }),
    ...(artifactsUri === undefined ? {} : { artifactsUri }),
    ...(options.artifactsSecret === undefined ? {} : { artifactsSecretName: options.artifactsSecret }),
    ...(options.artifactsClaim === undefined ? {} : { artifactsClaimName: options.artifactsClaim }),
    ...(options.pullSecret === undefined ? {} : { pullSecretName: options.pullSecret }),
    env: { ...environment?.env, ...options.env },
  });
  const missing = [...(options.image === undefined ? ['--image'] : []), ...(artifactsUri === undefined ? ['--artifacts'] : [])];
  if (missing.length > 0) {
    process.stderr.write(`note: without ${missing.join(' and ')} the Deployment contains a placeholder; replace it before you apply\n`);
  }
  if (options.image !== undefined && !isDigest(options.image)) {
    process.stderr.write(
      `note: ${options.image} is not a digest: replicas and retries may run another image once the tag moves; use repository@sha256:…\n`,
    );
  }
  const { experiments, monitoring } = options;
  return yamlDocuments(
    allManifests(settings, { ...(experiments && { experimentNamespaces: experiments }), ...(monitoring && { monitoring }) }),
  );
}

function forNamespace(name: string, { dataset, weights, queue, namespace }: Options): string {
  const given = { ...(dataset && { datasets: dataset }), ...(weights && { weights }), ...(queue && { queues: queue }) };
  const limits = namespaceLimits(name, given, namespace);
  const how = `# kubectl apply --server-side --field-manager=carpal-limits-${name} -f -   (leaves the limits of other namespaces unchanged)\n`;
  return `${limits === undefined ? '' : how}${yamlDocuments([stageServiceAccount(name), ...(limits === undefined ? [] : [limits])])}`;
}

function kubernetesName(value: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value))
    throw new InvalidArgumentError('It must consist of lower-case letters, digits and "-".');
  return value;
}

function names(value: string, before: string[] = []): string[] {
  return [...before, kubernetesName(value)];
}
