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

    it('for one experiment delays no other: their progress still appears', async () => {
      const held = gate();
      for (const name of ['away', 'near']) await world().begin(name, {}, ({ fold }) => (fold === 2 ? held.script : {}));
      const running = await Promise.all(
        ['away', 'near'].map((name) => world().until(name, ({ status }) => status?.folds[2]?.state === 'Running')),
      );
      const [away = '', near = ''] = running.map(({ metadata }) => {
        const experiment = { metadata: { ...metadata, namespace: world().namespace } };
        return `${foldKey(experiment, 2)}/progress.json`;
      });
      for (const key of [away, near]) await world().store.write(key, progress(1));
      for (const name of ['away', 'near']) await world().until(name, ({ status }) => status?.folds[2]?.epoch === 1);
      const outage = world().failStore('/away/');
      const failedReads = (): number =>
        world().operator.log.filter((line) => line.includes('cannot be read') && line.includes('/away')).length;
      await world().eventually('a failed read', () => failedReads() > 0);
      // A pause of the whole reader would last longer than this and would grow with each failure.
      for (const epoch of [2, 3, 4]) {
        await world().store.write(near, progress(epoch));
        await world().until('near', ({ status }) => status?.folds[2]?.epoch === epoch);
      }
      expect((await world().read('away')).status?.folds[2]?.epoch).toBe(1);
      outage.restore();
      held.open();
      for (const name of ['away', 'near']) await expectCorrectEnd(world(), name, { state: 'Complete', maxCalls: 80 });
    });

    it('with an oversized or unreadable progress.json ignores the report, delays no other, and the stage ends as usual', async () => {
      const held = gate();
      const spoilt: readonly (readonly [string, string])[] = [
        ['huge', `${' '.repeat(1_000_000)}${progress(7)}`],
        ['garbled', '{"stage": "fold", "epoch": '],
      ];
      for (const [name, content] of spoilt) {
        const { metadata } = await world().begin(name, {}, ({ fold }) => (fold === 2 ? held.script : {}));
        await world().until(name, ({ status }) => status?.folds[2]?.state === 'Running');
        await world().store.write(`${foldKey({ metadata: { ...metadata, namespace: world().namespace } }, 2)}/progress.json`, content);
      }
      const { metadata } = await world().begin('plain', {}, ({ fold }) => (fold === 2 ? held.script : {}));
      await world().until('plain', ({ status }) => status?.folds[2]?.state === 'Running');
      await world().store.write(`${foldKey({ metadata: { ...metadata, namespace: world().namespace } }, 2)}/progress.json`, progress(5));
      await world().until('plain', ({ status }) => status?.folds[2]?.epoch === 5);
      held.open();
      for (const name of ['huge', 'garbled', 'plain']) await expectCorrectEnd(world(), name, { state: 'Complete', maxCalls: 80 });
      expect((await world().read('huge')).status?.folds[2]?.epoch).toBeUndefined();
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
