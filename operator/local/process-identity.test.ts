import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { formerHostname, identify, type Place, type ProcessIdentity, stateOf, whereIs } from './process-identity.ts';

const OUTSIDE = 'pid:[4026531836]';
const MACHINE: Place = { host: 'gpu-1', machineId: 'm1', bootId: 'b1', pidNamespace: OUTSIDE };
const CONTAINER: Place = { ...MACHINE, pidNamespace: 'pid:[4026532500]' };

/** This process as if it ran elsewhere: its pid and start time are those of a live process here. */
const liveProcessAt = (place: Partial<Place>): ProcessIdentity => ({ ...identify(process.pid), ...MACHINE, ...place });

describe('a recorded process', () => {
  it('is alive if its pid and its start time are those of a process here', () => {
    expect(stateOf(identify(process.pid))).toBe('alive');
  });

  it('has ended if another process has its pid now', () => {
    expect(stateOf({ ...identify(process.pid), startTicks: 1 })).toBe('ended');
  });

  it('has ended when it has exited', async () => {
    const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)']);
    const identity = identify(child.pid ?? 0);
    expect(stateOf(identity)).toBe('alive');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(stateOf(identity)).toBe('ended');
  });

  it.each([
    ['has ended if this machine has restarted since', { bootId: 'b0' }, MACHINE, 'ended'],
    ['is alive although the hostname has changed since', { host: 'old-name' }, MACHINE, 'alive'],
    ['is unknown on another machine', { host: 'gpu-2', machineId: 'm2', bootId: 'b2' }, MACHINE, 'unknown'],
    ['is unknown on another machine of the same name', { machineId: 'm2', bootId: 'b2' }, MACHINE, 'unknown'],
    ['is unknown on another machine that is a copy of this one', { host: 'gpu-2', bootId: 'b2' }, MACHINE, 'unknown'],
    ['is unknown in a container of this machine', CONTAINER, MACHINE, 'unknown'],
    ['is unknown outside this container', MACHINE, CONTAINER, 'unknown'],
    ['is unknown in a container of the same image and name on another machine', { ...CONTAINER, bootId: 'b2' }, CONTAINER, 'unknown'],
    ['is unknown without a machine ID', { machineId: null, bootId: 'b0' }, { ...MACHINE, machineId: null }, 'unknown'],
    ['is unknown if its record is from a version without PID namespaces', { pidNamespace: null }, MACHINE, 'unknown'],
    ['is unknown without /proc', { bootId: null, pidNamespace: null }, { ...MACHINE, bootId: null, pidNamespace: null }, 'unknown'],
  ] as const)('%s', (_case, recorded, place, state) => {
    expect(stateOf(liveProcessAt(recorded), place)).toBe(state);
  });

  it('has ended without /proc only if no process has its pid', () => {
    const place: Place = { ...MACHINE, bootId: null, pidNamespace: null };
    expect(stateOf({ ...liveProcessAt(place), pid: 2 ** 22 + 1 }, place)).toBe('ended');
  });
});

describe('the place of a recorded process', () => {
  it.each([
    ['names another host', { host: 'gpu-2', bootId: 'b2' }, 'on host gpu-2'],
    ['names another container', { ...CONTAINER, host: 'f00d' }, 'in another container on this machine (f00d)'],
    ['is empty for this machine', {}, ''],
    ['is empty for this machine under its former name', { host: 'old-name' }, ''],
  ])('%s', (_case, recorded, text) => {
    expect(whereIs(liveProcessAt(recorded), MACHINE)).toBe(text);
  });

  it('has the former hostname only on the same machine', () => {
    expect(formerHostname(liveProcessAt({ host: 'old-name' }), MACHINE)).toBe('old-name');
    expect(formerHostname(liveProcessAt({}), MACHINE)).toBeUndefined();
    expect(formerHostname(liveProcessAt({ host: 'gpu-2', bootId: 'b2' }), MACHINE)).toBeUndefined();
  });
});
