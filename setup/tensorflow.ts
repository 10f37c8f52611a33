/**
 * Installs the TensorFlow that tfjs runs on: extracts the C library from the PyPI wheel, compiles tfjs's binding against it, and caches
 * both under a key of all inputs. A repeated run only looks up the cache.
 *
 * The package's own install script is denied (package.json, allowScripts) because it downloads a library from 2022.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { cacheFolder } from './env.ts';
import { machineFault, thisMachine } from './machine.ts';
import { runOrExplain, SetupError } from './setup-error.ts';
import { downloadedWheel, type Wheel } from './wheel.ts';

/** The wheel is built for CPython 3.11. Only its C library is used, so any Python may download it. */
const TENSORFLOW: Wheel = {
  requirement: 'tensorflow-cpu==2.18.1',
  file: 'tensorflow_cpu-2.18.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
  sha256: '810c75d7149d2da0cb2092187817b0dcabb80728ca9f9cf3a61f3f42fadd1298',
  size: '230 MB',
  target: ['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311', '--platform', 'manylinux2014_x86_64'],
};
const WHEEL_PARTS = [
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/',
  'tensorflow/include/xla/tsl/c/',
  'tensorflow/include/tsl/',
];

const root = resolve(import.meta.dirname, '..');
const SESSION_CONFIG = join(import.meta.dirname, 'native/session-config.h');
const OUTPUT_SHAPES = join(import.meta.dirname, 'native/output-shapes.cc');
const NO_TPU_PASS = join(import.meta.dirname, 'native/no-tpu-pass.h');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function packageFolder(name: string): string {
  const require = createRequire(join(root, 'trainer/package.json'));
  return dirname(require.resolve(`${name}/package.json`));
}

const wheel = (): Promise<string> => downloadedWheel(TENSORFLOW);

/** A hash of everything that determines the compiled binding. */
function cacheKey(tfjs: string): string {
  const hash = createHash('sha256')
    .update(TENSORFLOW.sha256)
    .update(build.toString())
    .update(patchedBackend.toString())
    .update(compile.toString())
    .update(readFileSync(SESSION_CONFIG))
    .update(readFileSync(OUTPUT_SHAPES))
    .update(readFileSync(NO_TPU_PASS));
  for (const name of readdirSync(join(tfjs, 'binding')).sort()) hash.update(readFileSync(join(tfjs, 'binding', name)));
  hash.update(spawnSync('g++', ['-dumpfullversion'], { encoding: 'utf8' }).stdout);
  return hash.digest('hex').slice(0, 16);
}

/** The binding's main source, with the call that session-config.h describes. */
function patchedBackend(source: string): string {
  const load = 'TF_Session *session = TF_LoadSessionFromSavedModel(';
  if (source.split(load).length !== 2)
    throw new SetupError("the binding's source differs from the version that carpal patches.", 'Install the locked packages: npm ci.');
  const configure = `carpal::ConfigureSession(session_options, export_dir_string, tf_status.status);
  if (TF_GetCode(tf_status.status) != TF_OK) {
    NAPI_THROW_ERROR(env, "Failed to configure the session: %s", TF_Message(tf_status.status));
    return nullptr;
  }
  `;
  return `#include "session-config.h"\n${source.replace(load, `${configure}${load}`)}`;
}

/** Compiles a native Node module against the library that was unpacked into `work`. */
function compile(work: string, sources: readonly string[], name: string): void {
  runOrExplain(
    'g++',
    [
      ...['-shared', '-fPIC', '-O2', '-std=c++17', '-DNAPI_VERSION=8', '-w'],
      ...[`-I${join(packageFolder('node-api-headers'), 'include')}`, `-I${join(work, 'deps/include')}`, ...sources],
      ...[`-L${join(work, 'deps/lib')}`, '-ltensorflow', '-ltensorflow_framework', '-Wl,-rpath,$ORIGIN/../../deps/lib'],
      ...['-o', join(work, 'lib/napi-v8', name)],
    ],
    'A C++17 compiler is needed (g++ 9 or newer).',
  );
}

async function build(tfjs: string, home: string): Promise<void> {
  const file = await wheel();
  const work = `${home}.partial-${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  const library = join(work, 'deps/lib');
  const binding = join(work, 'lib/napi-v8');
  mkdirSync(library, { recursive: true });
  mkdirSync(binding, { recursive: true });
  say('  unpacking the library (680 MB)');
  const unpack =
    'import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nz.extractall(sys.argv[2],[n for n in z.namelist() if n.startswith(tuple(sys.argv[3:]))])';
  runOrExplain('python3', ['-c', unpack, file, work, ...WHEEL_PARTS], 'Is the disk full? The unpacked library needs 700 MB.');
  renameSync(join(work, 'tensorflow/libtensorflow_cc.so.2'), join(library, 'libtensorflow_cc.so.2'));
  renameSync(join(work, 'tensorflow/libtensorflow_framework.so.2'), join(library, 'libtensorflow_framework.so.2'));
  renameSync(join(work, 'tensorflow/include'), join(work, 'deps/include'));
  rmSync(join(work, 'tensorflow'), { recursive: true });
  symlinkSync('libtensorflow_cc.so.2', join(library, 'libtensorflow.so'));
  symlinkSync('libtensorflow_framework.so.2', join(library, 'libtensorflow_framework.so'));
  say('  compiling the binding');
  const backend = join(work, 'tfjs_backend.cc');
  writeFileSync(backend, patchedBackend(readFileSync(join(tfjs, 'binding/tfjs_backend.cc'), 'utf8')));
  const includes = [`-I${join(tfjs, 'binding')}`, `-I${dirname(SESSION_CONFIG)}`];
  compile(work, [...includes, backend, join(tfjs, 'binding/tfjs_binding.cc')], 'tfjs_binding.node');
  compile(work, [OUTPUT_SHAPES], 'output_shapes.node');
  rmSync(home, { recursive: true, force: true });
  renameSync(work, home);
}

/** Makes `path` a link to `target`. Replaces an existing file or link. */
function link(target: string, path: string): void {
  rmSync(path, { recursive: true, force: true });
  symlinkSync(target, path);
}

/** Checks the binding with one addition, in a separate process. */
function verify(): void {
  const probe =
    "const {tf} = await import('@carpal/trainer/engine/tensorflow.ts'); if (tf.add(40, 2).dataSync()[0] !== 42) throw new Error('40 + 2 is not 42')";
  runOrExplain(process.execPath, ['--input-type=module', '-e', probe], `Delete ${cacheFolder()}/tensorflow and run make setup again.`);
}

/** Makes tfjs loadable, or throws a SetupError that says what is missing and how to get it. */
export async function setUpTensorFlow(): Promise<void> {
  const tfjs = packageFolder('@tensorflow/tfjs-node-gpu');
  const fault = machineFault(thisMachine());
  if (fault) throw fault;
  const home = join(cacheFolder(), 'tensorflow', cacheKey(tfjs));
  if (existsSync(join(home, 'lib/napi-v8/tfjs_binding.node'))) say(`  TensorFlow and its binding are in the cache`);
  else await build(tfjs, home);
  link(join(home, 'deps'), join(tfjs, 'deps'));
  link(join(home, 'lib'), join(tfjs, 'lib'));
  verify();
  say('  TensorFlow 2.18.1 answers');
}
