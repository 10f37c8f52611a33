import type { ChosenThreshold } from '@carpal/artifacts/thresholds.ts';
import type { PreparedSample } from '@carpal/report/dataset/prepared-set.ts';
import { pickEvenly } from '@carpal/report/images/pick-images.ts';
import { AreaMatch, type Areas } from '../infer/area-match.ts';
import { imageLogits, type Voter } from '../infer/image-logits.ts';
import { preparedSquares } from '../infer/image-squares.ts';
import { detailSizeOf, viewingOf } from '../infer/views.ts';
import type { EnsembleWork } from './ensemble-work.ts';

/** Some evenly spread test images are enough: an area is a sum over thousands of pixels of each. */
const MATCHED_IMAGES = 12;

/**
 * The chosen cuts with thresholds for the vote of all folds. Thresholds were fitted to networks one by one, but the mean of several networks
 * has other probabilities: flatter where they disagree, lower where one of them finds nothing. So each fitted threshold is replaced by the
 * one at which the vote's masks are as large as those of single networks (see AreaMatch), on some test images.
 *
 * Cuts stay as they are if there is nothing to match: in a hard vote, in which each network makes its own masks, with one network, without
 * test images, and for classes that keep the manifest's threshold. Throws what the pause throws.
 */
export async function matchVote(
  { experiment, prepared, networks, pause, advanced }: Pick<EnsembleWork, 'experiment' | 'prepared' | 'networks' | 'pause' | 'advanced'>,
  cuts: readonly ChosenThreshold[],
): Promise<readonly ChosenThreshold[]> {
  const { ensemble, inference } = experiment.spec;
  const test = prepared.samples.filter(({ half }) => half === 'test');
  const isFitted = ({ fitted }: ChosenThreshold): boolean => fitted !== inference.threshold;
  if (ensemble.method === 'hard' || networks.length < 2 || test.length === 0 || !cuts.some(isFitted)) return cuts;
  const match = new AreaMatch(cuts.map(({ fitted }) => fitted));
  const viewing = viewingOf(experiment.spec);
  for (const place of pickEvenly(test.length, MATCHED_IMAGES)) {
    const sample = test[place] as PreparedSample;
    const image = await preparedSquares(prepared, sample, detailSizeOf(viewing, prepared.size));
    const areasOf = async (voters: readonly Voter[]): Promise<Areas> =>
      match.areasOf(await imageLogits(voters, viewing, image, prepared.classes.length, pause), sample);
    const single: Areas[] = [];
    for (const network of networks) single.push(await areasOf([network]));
    match.add(single, await areasOf(networks));
    advanced();
  }
  return cuts.map((cut, index) => (isFitted(cut) ? { ...cut, threshold: match.thresholdOf(index) } : cut));
}
