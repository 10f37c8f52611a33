/** The CRD changes while an operator runs. */
import { experimentCrd } from '@carpal/configs/crd/crd.ts';
import { describe, expect, it } from 'vitest';
import { applyCrd } from '../cluster/test-objects.ts';
import { hasCondition } from '../operator/operator-world.ts';
import { expectCorrectEnd } from './expect-correct-end.ts';
import type { FaultWorld } from './fault-world.ts';
import { gate, runningPod } from './pod-faults.ts';

type Version = {
  readonly additionalPrinterColumns: readonly object[];
  readonly schema: { readonly openAPIV3Schema: { readonly properties: { readonly spec: { properties: Record<string, object> } } } };
};
type Crd = { readonly spec: { readonly versions: readonly Version[] } };

/** The CRD of a later release, with one more field and one more column. */
function laterCrd(): object {
  const crd = structuredClone(experimentCrd()) as unknown as Crd;
  const versions = crd.spec.versions.map((version) => {
    version.schema.openAPIV3Schema.properties.spec.properties['laterField'] = { type: 'string', maxLength: 100 };
    const later = { name: 'Later', type: 'string', jsonPath: '.spec.laterField', priority: 1 };
    return { ...version, additionalPrinterColumns: [...version.additionalPrinterColumns, later] };
  });
  return { ...crd, spec: { ...crd.spec, versions } };
}

/** The same CRD without rules. The operator can reject what it accepts. */
function laxCrd(): object {
  return JSON.parse(JSON.stringify(experimentCrd(), (key, value: unknown) => (key === 'x-kubernetes-validations' ? undefined : value)));
}

export function crdFaults(world: () => FaultWorld): void {
  describe('a CRD that is updated while an operator runs', () => {
    it('loses nothing: experiments continue, ended ones stay unchanged, and new ones begin', async () => {
      await world().begin('crd-ended');
      const ended = await world().until('crd-ended', (seen) => hasCondition(seen, 'Complete'));
      const held = gate();
      await world().begin('crd-goes-on', {}, ({ fold }) => (fold === 1 ? held.script : {}));
      await runningPod(world(), 'crd-goes-on-fold-1-1');

      await applyCrd(world().client);
      await applyCrd(world().client, laterCrd());
      await world().begin('crd-begins');
      held.open();
      for (const name of ['crd-ended', 'crd-goes-on', 'crd-begins']) await expectCorrectEnd(world(), name, { state: 'Complete' });
      expect((await world().read('crd-ended')).status).toEqual(ended.status);

      await applyCrd(world().client);
      await world().begin('crd-back');
      await expectCorrectEnd(world(), 'crd-back', { state: 'Complete' });
    });

    it('and an operator with stricter rules end no experiment that has begun', async () => {
      const held = gate();
      await world().begin('crd-stricter', {}, ({ fold }) => (fold === 1 ? held.script : {}));
      await runningPod(world(), 'crd-stricter-fold-1-1');
      await world().until('crd-stricter', ({ status }) => status?.folds[1]?.state === 'Running');
      await applyCrd(world().client, laxCrd());
      // As if the earlier operator had known a class list that this one does not know.
      const dataset = { classes: 'foot-bones' };
      await expect
        .poll(
          async () =>
            await world()
              .change('crd-stricter', { dataset })
              .then(() => 'changed', String),
        )
        .toBe('changed');
      await applyCrd(world().client);
      await world().eventually('a log line about it', () => world().operator.log.some((line) => line.includes('foot-bones')));
      held.open();
      await expectCorrectEnd(world(), 'crd-stricter', { state: 'Complete' });
    });

    it('holds an experiment whose run settings became invalid, and it continues when they are valid again', async () => {
      const held = gate();
      await world().begin('crd-odd', {}, ({ fold }) => (fold === 1 ? held.script : {}));
      await world().until('crd-odd', ({ status }) => status?.folds[0]?.state === 'Succeeded' && status.folds[1]?.state === 'Running');
      await applyCrd(world().client, laxCrd());
      const change = async (startDeadline: string): Promise<string> =>
        await world()
          .change('crd-odd', { run: { startDeadline } })
          .then(() => 'changed', String);
      await expect.poll(() => change('soon')).toBe('changed');
      await applyCrd(world().client);
      const seen = await world().until('crd-odd', (one) => hasCondition(one, 'Held'));
      const condition = seen.status?.conditions.find(({ type }) => type === 'Held');
      expect(condition).toMatchObject({ reason: 'ManifestNotUnderstood', message: /spec\.run\.startDeadline/ });
      expect(seen.status?.folds.map(({ state }) => state)).toEqual(['Succeeded', 'Running', 'Succeeded']);
      held.open();
      await world().eventually('the end of fold 1', () =>
        world().runs.some(({ experiment, fold, endedMs }) => experiment === 'crd-odd' && fold === 1 && endedMs !== undefined),
      );
      expect(hasCondition(await world().read('crd-odd'), 'Failed')).toBe(false);
      await change('2h');
      await expectCorrectEnd(world(), 'crd-odd', { state: 'Complete' });
      expect(hasCondition(await world().read('crd-odd'), 'Held')).toBe(false);
    });
  });
}
