import { type Calibration, type CalibrationCounts, calibrationOf } from '../statistics/calibration.ts';
import { boneGroups } from './bone-groups.ts';
import { section } from './page.ts';
import { reliabilityChart } from './reliability-chart.ts';

/** Bins of fewer pixels jump about and are not drawn; they count in the ECE. */
const FEWEST_PIXELS = 20;

/** A reliability chart for each part of the hand, its classes as thin lines; nothing where the folds have not counted. */
export function calibrationSection(counts: CalibrationCounts | undefined, classes: readonly string[], size: number): string {
  if (!counts) return '';
  const charts = boneGroups(classes).flatMap(({ name, indexes }) => {
    const together = calibrationOf(counts, indexes);
    if (!together) return [];
    const others = indexes.flatMap((index) => {
      const own = calibrationOf(counts, [index]);
      return own ? [{ label: `${classes[index] ?? ''}: ${words(own)}`, bins: drawn(own) }] : [];
    });
    const main = { label: `${name}: ${words(together)}`, bins: drawn(together) };
    return [reliabilityChart({ title: `${name}: ${words(together)}`, main, others })];
  });
  if (charts.length === 0) return '';
  const note = `<p class="dim">Of the pixels that get a probability of 0.7, seven in ten should be bone: then the line lies on the dashed one. Below it the networks are too sure, above it too careful. The thick line is the part of the hand, the thin ones its bones. Counted out of fold over ${counts.images} images at ${size} px, without the pixels that get less than 0.2 %; ECE is the mean distance from the dashed line.</p>`;
  return section('Calibration', `${note}<div class="charts small">${charts.join('')}</div>`);
}

const drawn = ({ bins }: Calibration): Calibration['bins'] => bins.filter(({ pixels }) => pixels >= FEWEST_PIXELS);

const words = ({ error, bias }: Calibration): string =>
  `ECE ${error.toFixed(3)}, too ${bias > 0 ? 'sure' : 'careful'} by ${Math.abs(bias).toFixed(3)}`;
