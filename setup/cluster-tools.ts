/**
 * Builds the programs that `make cluster` and the operator's tests use, from Go modules pinned by checksum: the control plane
 * (setup/control-plane), kwok, which simulates nodes, versitygw, an S3 server on a folder, and Kueue, a queue for Jobs. Each build is
 * cached under a key of all its inputs and linked into the checkout; a repeated run only looks up the cache.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { cacheFolder, environmentWith } from './env.ts';
import { outputOf, runOrExplain, SetupError } from './setup-error.ts';

/** The version that the API server reports; kubectl adapts to it. The module's version is in setup/control-plane/go.mod. */
const KUBERNETES = { version: 'v1.36.3', major: '1', minor: '36' };
const VERSION_PACKAGE = 'k8s.io/component-base/version';
const CONTROL_PLANE_FLAGS = [
  '-trimpath',
  '-ldflags',
  [
    '-s -w',
    `-X ${VERSION_PACKAGE}.gitVersion=${KUBERNETES.version}`,
    `-X ${VERSION_PACKAGE}.gitMajor=${KUBERNETES.major}`,
    `-X ${VERSION_PACKAGE}.gitMinor=${KUBERNETES.minor}`,
  ].join(' '),
];
const INSTALL_FLAGS = ['-trimpath', '-ldflags', '-s -w'];
const SOURCE = join(import.meta.dirname, 'control-plane');
/** Where testbed/cluster looks for the programs. */
const LINKS = resolve(import.meta.dirname, '../node_modules/.carpal-tools');
const OFFLINE =
  'Check that the machine is online and has room for 4 GB of build cache. If you use a mirror, set GOPROXY. Then run make cluster-tools again.';
const NO_KUBECTL = 'Install kubectl 1.27 or newer, which renders the manifests of Kueue, and run make cluster-tools again.';

type Tool = {
  readonly name: string;
  /** All inputs that determine the build. */
  readonly key: readonly (string | Buffer)[];
  readonly notice: string;
  /** Writes the program to `folder`/`name`, and what it needs next to it. */
  readonly build: (folder: string) => void;
};

const withoutCgo = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => environmentWith({ CGO_ENABLED: '0', ...more });

function controlPlane(): Tool {
  return {
    name: 'control-plane',
    key: [...['go.mod', 'go.sum', 'main.go'].map((file) => readFileSync(join(SOURCE, file))), ...CONTROL_PLANE_FLAGS],
    notice: `building Kubernetes ${KUBERNETES.version}'s control plane (takes some minutes, only once)`,
    build: (folder) =>
      runOrExplain('go', ['build', ...CONTROL_PLANE_FLAGS, '-o', join(folder, 'control-plane'), '.'], OFFLINE, {
        cwd: SOURCE,
        env: withoutCgo(),
      }),
  };
}

function installed(name: string, module: string): Tool {
  return {
    name,
    key: [module, ...INSTALL_FLAGS],
    notice: `building ${name} (takes a minute or two, only once)`,
    build: (folder) => runOrExplain('go', ['install', ...INSTALL_FLAGS, module], OFFLINE, { env: withoutCgo({ GOBIN: folder }) }),
  };
}

const KUEUE = { module: 'sigs.k8s.io/kueue', version: 'v0.17.0', manifests: 'manifests.json' };

/**
 * Kueue and, in `manifests.json` next to it, its CRDs, RBAC and webhooks as its own kustomization renders them, so that tests need neither
 * the module cache nor kustomize.
 */
function kueue(): Tool {
  const { module, version, manifests } = KUEUE;
  const program = installed('kueue', `${module}/cmd/kueue@${version}`);
  return {
    ...program,
    key: [...program.key, manifests],
    notice: 'building kueue (takes five to ten minutes, only once)',
    build: (folder) => {
      // First, because it fails fast on a machine without kubectl.
      const { Dir: source } = JSON.parse(outputOf('go', ['mod', 'download', '-json', `${module}@${version}`], OFFLINE)) as { Dir: string };
      const rendered = parseAllDocuments(outputOf('kubectl', ['kustomize', join(source, 'config/default')], NO_KUBECTL));
      writeFileSync(join(folder, manifests), JSON.stringify(rendered));
      program.build(folder);
    },
  };
}

function toolPath({ name, key }: Tool): string {
  const hash = createHash('sha256');
  for (const part of key) hash.update(part).update('\0');
  return join(cacheFolder(), name, hash.digest('hex').slice(0, 16));
}

function provide(tool: Tool): void {
  const home = toolPath(tool);
  const program = join(home, tool.name);
  if (existsSync(program)) process.stdout.write(`  ${tool.name} is in the cache\n`);
  else {
    process.stdout.write(`  ${tool.notice}\n`);
    const work = `${home}.partial-${process.pid}`;
    try {
      mkdirSync(work, { recursive: true });
      tool.build(work);
      // Another process may have finished the same build in the meantime; its result is used.
      if (!existsSync(program)) renameSync(work, home);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  mkdirSync(LINKS, { recursive: true });
  const link = join(LINKS, `${tool.name}.partial-${process.pid}`);
  rmSync(link, { force: true });
  symlinkSync(program, link);
  renameSync(link, join(LINKS, tool.name));
}

/** Puts the four programs into node_modules/.carpal-tools, or throws a SetupError that says what is missing and how to get it. */
export function setUpClusterTools(): void {
  const tools = [
    controlPlane(),
    installed('kwok', 'sigs.k8s.io/kwok/cmd/kwok@v0.8.0'),
    installed('versitygw', 'github.com/versity/versitygw/cmd/versitygw@v1.8.0'),
    kueue(),
  ];
  const isMissing = tools.some((tool) => !existsSync(join(toolPath(tool), tool.name)));
  if (isMissing && spawnSync('go', ['version']).error !== undefined) {
    throw new SetupError(
      'go is missing; the control plane for the tests is built from source.',
      'Install Go 1.21 or newer (it fetches the version that setup/control-plane/go.mod names) and run make cluster-tools again.',
    );
  }
  for (const tool of tools) provide(tool);
}
