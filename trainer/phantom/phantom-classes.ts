import { CARPALS, FOREARM } from './wrist.ts';

/** The 29 labels in the organiser's order. */
export const PHANTOM_CLASSES: readonly string[] = [
  ...Array.from({ length: 19 }, (_, index) => `finger-${index + 1}`),
  ...CARPALS.map((bone) => bone.name),
  ...FOREARM.map((bone) => bone.name),
];
