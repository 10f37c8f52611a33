import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { dense } from '../layers/dense.ts';
import { tokenNorm } from '../layers/token-norm.ts';
import type { VariableMaker } from '../layers/variables.ts';
import { starReluLayer } from './star-relu-layer.ts';
import type { TokenMixer } from './token-mixers.ts';

type Options = {
  readonly channels: number;
  readonly mixer: (make: VariableMaker, name: string) => TokenMixer;
  /** Whether the skips have a learned factor for each channel. */
  readonly scaledSkips: boolean;
};

/** x + mixer(norm x), then x + mlp(norm x) with four times the channels between; norms and linear maps without bias. */
export function metaformerBlock(make: VariableMaker, name: string, { channels, mixer, scaledSkips }: Options) {
  const scale = (part: string) => (scaledSkips ? make.constant(`${name}/${part}/scale`, [channels], 1) : undefined);
  const mixNorm = tokenNorm(make, `${name}/mix/norm`, channels, false);
  const mix = mixer(make, `${name}/mix`);
  const mixScale = scale('mix');
  const mlpNorm = tokenNorm(make, `${name}/mlp/norm`, channels, false);
  const widen = dense(make, `${name}/mlp/widen`, { from: channels, to: 4 * channels, bias: false });
  const activate = starReluLayer(make, `${name}/mlp/activation`);
  const narrow = dense(make, `${name}/mlp/narrow`, { from: 4 * channels, to: channels, bias: false });
  const mlpScale = scale('mlp');
  return (x: Tensor4D): Tensor4D =>
    tf.tidy(() => {
      const mixed: Tensor4D = tf.add(mixScale ? tf.mul(x, mixScale) : x, mix(mixNorm(x)));
      return tf.add(mlpScale ? tf.mul(mixed, mlpScale) : mixed, narrow(activate(widen(mlpNorm(mixed)))));
    });
}
