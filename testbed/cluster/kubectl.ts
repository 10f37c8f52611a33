import { spawn } from 'node:child_process';

export type KubectlAnswer = { readonly code: number; readonly output: string; readonly errors: string };

/** Runs kubectl against the API server of a kubeconfig, with `input` on its standard input. Throws if kubectl is not installed. */
export async function kubectl(kubeconfig: string, args: readonly string[], input = ''): Promise<KubectlAnswer> {
  const child = spawn('kubectl', ['--kubeconfig', kubeconfig, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const text = { output: '', errors: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text.output += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text.errors += chunk;
  });
  child.stdin.end(input);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject).once('close', (status) => resolve(status ?? -1));
  });
  return { code, ...text };
}
