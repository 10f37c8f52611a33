import { upsampleBilinear2x } from '../../engine/ops/upsample.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convolution } from '../layers/convolution.ts';
import type { VariableMaker } from '../layers/variables.ts';
import { convNormAct } from './conv-norm-act.ts';

/**
 * Selective boundary aggregation of a fine map and one of half its size, both of `channels` channels: each passes on where it is sure and takes
 * from the other where it is not. The result is at the fine size, of twice the channels.
 */
export function boundaryAggregation(make: VariableMaker, name: string, channels: number) {
  const same = { from: channels, to: channels, size: 1 };
  const side = (part: string) => ({
    project: convolution(make, `${name}/${part}/project`, { ...same, bias: false }),
    refine: convNormAct(make, `${name}/${part}/refine`, same),
  });
  const fineSide = side('fine');
  const coarseSide = side('coarse');
  const join = convNormAct(make, `${name}/join`, { from: 2 * channels, to: 2 * channels, size: 3 });
  const selected = (own: Tensor4D, gate: Tensor4D, other: Tensor4D): Tensor4D =>
    tf.add(tf.add(own, tf.mul(own, gate)), tf.mul(tf.sub(1, gate), other));

  return (fine: Tensor4D, coarse: Tensor4D, training: boolean): Tensor4D =>
    tf.tidy(() => {
      const [projectedFine, projectedCoarse] = [fineSide.project(fine), coarseSide.project(coarse)];
      const [gateFine, gateCoarse] = [tf.sigmoid(projectedFine), tf.sigmoid(projectedCoarse)];
      const [ownFine, ownCoarse] = [fineSide.refine(projectedFine, training), coarseSide.refine(projectedCoarse, training)];
      const fromCoarse = upsampleBilinear2x(tf.mul(gateCoarse, ownCoarse));
      // Bilinear interpolation to exactly half the size is the mean of each 2×2 tile.
      const fromFine = tf.avgPool(tf.mul(gateFine, ownFine) as Tensor4D, 2, 2, 'valid');
      const selectedFine = selected(ownFine, gateFine, fromCoarse);
      const selectedCoarse = upsampleBilinear2x(selected(ownCoarse, gateCoarse, fromFine));
      return join(tf.concat4d([selectedFine, selectedCoarse], 3), training);
    });
}
