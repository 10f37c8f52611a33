import { describe, expect, it } from 'vitest';
import { classListNames, loadClasses } from './classes.ts';

describe('loadClasses', () => {
  it('returns the 29 bones of the hand in the order of the submission', () => {
    const classes = loadClasses('hand-bones');
    expect(classes).toHaveLength(29);
    expect(classes.slice(0, 19)).toEqual(Array.from({ length: 19 }, (_, index) => `finger-${index + 1}`));
    const wrist = ['Trapezium', 'Trapezoid', 'Capitate', 'Hamate', 'Scaphoid', 'Lunate', 'Triquetrum', 'Pisiform', 'Radius', 'Ulna'];
    expect(classes.slice(19)).toEqual(wrist);
  });

  it.each(['feet', '', '../classes/hand-bones', 'hand-bones.yaml'])('rejects "%s" and names the available lists', (name) => {
    expect(() => loadClasses(name)).toThrow(expect.objectContaining({ code: 'classes-unknown', fix: 'Use one of: hand-bones.' }));
  });

  it('loads every available list', () => {
    for (const name of classListNames()) expect(loadClasses(name).length).toBeGreaterThan(0);
  });
});
