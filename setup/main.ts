import { SetupError } from './setup-error.ts';
import { setUpTensorFlow } from './tensorflow.ts';

try {
  await setUpTensorFlow();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`\nset-up stopped: ${error.message}\n→ ${error.mend}\n`);
  process.exit(69);
}
