import { randomFor } from '@carpal/masks/random.ts';

export type Half = 'train' | 'test';

/** A person of the phantom set, and the length of their hands relative to the average. */
export type Person = {
  readonly number: number;
  readonly half: Half;
  readonly age: number;
  readonly sex: 'F' | 'M';
  readonly heightCentimetres: number;
  readonly weightKilograms: number;
  readonly handScale: number;
};

/** How strongly the length of a hand depends on the height of the person, and the height at which the scale is 1. */
const HEIGHT_EXPONENT = 1.15;
const MIDDLE_HEIGHT = 167.7;

/** The folder name of a person: ID001, ID002, … */
export function personFolder(person: Pick<Person, 'number'>): string {
  return `ID${String(person.number).padStart(3, '0')}`;
}

/**
 * Person `number` of a phantom set; depends only on seed, number and half. Ages 19–69 (mean about 32), heights 150–187 cm, weights 42–118
 * kg, slightly more women than men, as in the data set's table.
 */
export function drawPerson(seed: number, number: number, half: Half): Person {
  const random = randomFor(seed, 'person', number);
  const sex = random.next() < 0.545 ? 'F' : 'M';
  const age = Math.round(Math.min(69, 19 - 12.9 * Math.log(1 - random.next())));
  const heightCentimetres = clamp((sex === 'F' ? 162 : 174.5) + (sex === 'F' ? 5.2 : 5.8) * random.normal(), 150, 187);
  const bodyMassIndex = (sex === 'F' ? 21.8 : 24.2) * Math.exp(0.12 * random.normal());
  const weightKilograms = clamp(bodyMassIndex * (heightCentimetres / 100) ** 2, 42, 118);
  const handScale = clamp((heightCentimetres / MIDDLE_HEIGHT) ** HEIGHT_EXPONENT * Math.exp(0.03 * random.normal()), 0.82, 1.16);
  return {
    number,
    half,
    age,
    sex,
    heightCentimetres: Math.round(heightCentimetres),
    weightKilograms: Math.round(weightKilograms),
    handScale,
  };
}

/** The table next to the images: one row per person, in order. */
export function metaDataCsv(people: readonly Person[]): string {
  const rows = people.map((person) => `${person.number},${person.age},${person.sex},${person.weightKilograms},${person.heightCentimetres}`);
  return `${['ID,age,sex,weight,height', ...rows].join('\n')}\n`;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
