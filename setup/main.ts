import { setUpClusterTools } from './cluster-tools.ts';
import { SetupError } from './setup-error.ts';
import { setUpTensorFlow } from './tensorflow.ts';

try {
  if (process.argv[2] === 'cluster-tools') setUpClusterTools();
  else await setUpTensorFlow();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`\nset-up stopped: ${error.message}\n→ ${error.fix}\n`);
  process.exit(69);
}
