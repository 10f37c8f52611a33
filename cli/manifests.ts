import { storeFolder } from '@carpal/artifacts/open-store.ts';
import { loadEnvironment } from '@carpal/configs/environment.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { namespaceLimits, stageServiceAccount } from '@carpal/operator/install/experiment-namespace.ts';
import { manifestSettings } from '@carpal/operator/install/manifest-settings.ts';
import { allManifests, yamlDocuments } from '@carpal/operator/install/manifests.ts';
import { isDigest } from '@carpal/operator/jobs/stage-settings.ts';
import { Command, InvalidArgumentError } from 'commander';
import { collect, collectVariable } from './collect.ts';

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
    .option('--environment <name>', 'one of configs/environments, or the path of such a file: its artifact store and variables')
    .option('--image <reference>', 'what the operator and the stages run, by digest')
    .option('--artifacts <uri>', 's3://bucket/prefix, or the folder at which --artifacts-claim is mounted')
    .option('--artifacts-secret <name>', "a Secret with the store's credentials; none with Pod Identity or IRSA")
    .option('--artifacts-claim <name>', "a ReadWriteMany claim of the operator's namespace and of each of experiments, all of one disk")
    .option('--pull-secret <name>', "a Secret for the image's registry, in the same namespaces")
    .option('--namespace <name>', 'of the operator (default: carpal-system)', kubernetesName)
    .option('--watch-namespace <name>', 'look after the experiments of one namespace only', kubernetesName)
    .option('--env <name=value>', 'a variable of the operator and of every stage; may be given several times', collectVariable)
    .option('--experiments <namespace>', 'a namespace whose stages get their service account at once; may be given several times', names)
    .option('--monitoring', 'with ServiceMonitor, alerts and dashboard, for a cluster with the Prometheus operator')
    .option('--for-namespace <name>', 'only what a further namespace of experiments needs', kubernetesName)
    .option('--dataset <uri>', 'with --for-namespace: a data set that it may read, and no other; may be given several times', collect)
    .option(
      '--weights <uri>',
      'with --for-namespace: where weights to begin with may lie, instead of where data sets may; likewise',
      collect,
    )
    .option('--queue <name>', 'with --for-namespace: a queue that it may use, and no other; may be given several times', collect)
    .action((options: Options) => {
      process.stdout.write(options.forNamespace === undefined ? installation(options) : forNamespace(options.forNamespace, options));
    });

function installation(options: Options): string {
  if (options.dataset !== undefined || options.weights !== undefined || options.queue !== undefined)
    throw new CarpalError('usage-invalid', '--dataset, --weights and --queue are limits of one namespace', {
      fix: 'Say which one with --for-namespace.',
    });
  const environment = options.environment === undefined ? undefined : loadEnvironment(options.environment);
  const artifactsUri = options.artifacts ?? environment?.artifacts;
  if (artifactsUri !== undefined && storeFolder(artifactsUri) !== undefined && options.artifactsClaim === undefined)
    throw new CarpalError('usage-invalid', `pods have no folder ${artifactsUri} of their own`, {
      where: '--artifacts',
      fix: 'Name the claim that it lies on with --artifacts-claim, or give s3://bucket/prefix.',
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
    process.stderr.write(
      `note: without ${missing.join(' and ')} a placeholder stands in the Deployment; put yours there before you apply it\n`,
    );
  }
  if (options.image !== undefined && !isDigest(options.image)) {
    process.stderr.write(
      `note: ${options.image} is not a digest: replicas and retries may run another image once the tag moves; repository@sha256:… stays\n`,
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
  const how = `# kubectl apply --server-side --field-manager=carpal-limits-${name} -f -   (leaves the limits of other namespaces as they are)\n`;
  return `${limits === undefined ? '' : how}${yamlDocuments([stageServiceAccount(name), ...(limits === undefined ? [] : [limits])])}`;
}

function kubernetesName(value: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value)) throw new InvalidArgumentError('It takes lower-case letters, digits and "-".');
  return value;
}

function names(value: string, before: string[] = []): string[] {
  return [...before, kubernetesName(value)];
}
