/** The artifact store is unavailable for a while. */
import { foldKey } from '@carpal/configs/names.ts';
import { describe, expect, it } from 'vitest';
import { expectCorrectEnd, startsOf } from './expect-correct-end.ts';
import type { FaultWorld } from './fault-world.ts';
import { gate } from './pod-faults.ts';

const progress = (epoch: number): string =>
  JSON.stringify({ stage: 'fold', fold: 2, state: 'running', epoch, epochs: 100, updatedAt: new Date().toISOString() });

export function storeFaults(world: () => FaultWorld): void {
  describe.concurrent('an artifact store that is unavailable', () => {
    it('delays only the metrics: stages start, fail and end, and the metrics appear when it is back', async () => {
      const gates = [gate(), gate(), gate()];
      const { metadata } = await world().begin('stalled', {}, ({ fold, attempt }) => {
        const held = fold === undefined ? {} : (gates[fold]?.script ?? {});
        return fold === 1 && attempt === 1 ? { ...held, exitCode: 1, message: 'loss is NaN' } : held;
      });
      const key = `${foldKey({ metadata: { ...metadata, namespace: world().namespace } }, 2)}/progress.json`;
      await world().store.write(key, progress(1));
      await world().until('stalled', ({ status }) => status?.folds?.every(({ state }) => state === 'Running') ?? false);
      await world().until('stalled', ({ status }) => status?.folds?.[2]?.epoch === 1);

      const outage = world().failStore('/stalled/');
      await world().store.write(key, progress(50));
      gates[0]?.open();
      gates[1]?.open();
      const seen = await world().until('stalled', ({ status }) => status?.foldsFinished === '2/3');
      expect(seen.status).toMatchObject({ state: 'Training', folds: [{ attempts: 1 }, { attempts: 2, failures: 1 }, { epoch: 1 }] });
      outage.restore();
      await world().until('stalled', ({ status }) => status?.folds?.[2]?.epoch === 50);
      gates[2]?.open();
      await expectCorrectEnd(world(), 'stalled', { state: 'Complete', costs: { 'fold 1': { failures: 1 } } });
    });

    it('lets no experiment begin that it could not record; the experiment begins when the store is back', async () => {
      const outage = world().failStore('/unrecorded/');
      const { metadata } = await world().begin('unrecorded');
      await world().eventually('tries', () => world().operator.log.filter((line) => line.includes('unrecorded')).length > 3);
      expect(startsOf(world(), metadata.uid ?? '')).toEqual([]);
      outage.restore();
      await expectCorrectEnd(world(), 'unrecorded', { state: 'Complete' });
    });
  });
}
