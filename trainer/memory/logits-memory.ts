import { gridSize } from '../infer/image-logits.ts';
import { type Sight, sidesFor, type Viewing, viewOf, windowFor } from '../infer/views.ts';
import { imagesPerRun } from '../infer/windows.ts';

/**
 * Memory in MB of the logits of one image while networks vote on it (imageLogits). It does not grow with the number of networks or views:
 * there is the mean, the largest view, and the other images of one run. One network with the identity view needs no mean.
 */
export function logitsMemoryMb(networks: readonly Sight[], viewing: Viewing, classes: number): number {
  const mapMb = (side: number): number => (side * side * classes * 4) / 2 ** 20;
  const isPlain = networks.length === 1 && viewing.views.length === 1 && viewing.views[0] === 'identity';
  const viewsMb = networks.map((network) => {
    const window = windowFor(viewing, network);
    const sides = viewing.views.map((name) => viewOf(name, network.imageSize, viewing, sidesFor(viewing, network)).size);
    const largest = Math.max(...sides);
    const others = window
      ? imagesPerRun(window.size) * mapMb(window.size)
      : (Math.min(imagesPerRun(largest), sides.length) - 1) * mapMb(largest);
    return mapMb(largest) + others;
  });
  return (isPlain ? 0 : mapMb(gridSize(networks))) + Math.max(...viewsMb);
}
