import type { z } from 'zod';
import { didYouMean } from '../did-you-mean.ts';
import { type Finding, show } from '../finding.ts';

const KIND: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a group of fields',
  record: 'a group of names and values',
  array: 'a list',
};

/** The finding for one issue of zod: what is wrong with the value, and what to write. */
export function issueFinding(issue: z.core.$ZodIssue): Finding {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  return { path, ...describe(issue) };
}

function describe(issue: z.core.$ZodIssue): { message: string; fix: string } {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, issue.input);
    case 'invalid_value':
      return wrongChoice(issue.values.map(String), issue.input);
    case 'invalid_format':
      return { message: `must be ${issue.message}, is ${show(issue.input)}`, fix: `Write ${issue.message}.` };
    case 'too_small':
      return bound(issue, issue.minimum, issue.inclusive === false ? 'more than' : 'at least');
    case 'too_big':
      return bound(issue, issue.maximum, issue.inclusive === false ? 'less than' : 'at most');
    case 'custom':
      return { message: issue.message, fix: 'Write fewer entries.' };
    case 'invalid_key':
      return { message: 'is not a valid name here', fix: 'Write a shorter name.' };
    case 'invalid_union':
      return neither(issue);
    default:
      return { message: issue.message, fix: 'Compare it with an example in configs/experiments.' };
  }
}

/** `besides` names valid values other than `kind`. */
function wrongType(expected: string, input: unknown, besides = ''): { message: string; fix: string } {
  const kind = `${KIND[expected] ?? expected}${besides}`;
  if (input === undefined) return { message: 'is missing', fix: `Add it: ${kind}.` };
  const message = `must be ${kind}, is ${show(input)}`;
  if (expected === 'string' && (typeof input === 'number' || typeof input === 'boolean')) {
    return { message, fix: `Put it in quotes: ${JSON.stringify(String(input))}.` };
  }
  const isNumber = expected === 'number' || expected === 'int';
  if (isNumber && typeof input === 'string' && input.trim() !== '' && Number.isFinite(Number(input))) {
    return { message, fix: `Remove the quotes: ${Number(input)}.` };
  }
  if (input === null) return { message: `must be ${kind}, is empty`, fix: `Write ${kind}, or remove the field to use its default.` };
  return { message, fix: `Write ${kind}.` };
}

/**
 * The only union in the schema is a whole number or one word (orAuto). It is reported like an invalid number, with the word as another
 * valid value.
 */
function neither({ errors, input }: z.core.$ZodIssueInvalidUnion): { message: string; fix: string } {
  const words = errors.flat().flatMap((issue) => (issue.code === 'invalid_value' ? issue.values.map(String) : []));
  return wrongType('int', input, words.map((word) => ` or ${word}`).join(''));
}

function wrongChoice(values: readonly string[], input: unknown): { message: string; fix: string } {
  if (input === undefined) return { message: 'is missing', fix: `Add it: ${values.join(' or ')}.` };
  const meant = typeof input === 'string' ? didYouMean(input, values) : undefined;
  const message = `${show(input)} is not a valid value`;
  if (values.length === 1) return { message, fix: `Write ${values[0]}.` };
  return { message, fix: `${meant === undefined ? '' : `Did you mean ${meant}? `}Valid values: ${values.join(', ')}.` };
}

type BoundIssue = z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig;

function bound(issue: BoundIssue, limit: number | bigint, relation: string): { message: string; fix: string } {
  if (issue.origin === 'string') {
    const length = typeof issue.input === 'string' ? issue.input.length : 0;
    return { message: `must have ${relation} ${limit} characters, has ${length}`, fix: `Write ${relation} ${limit} characters.` };
  }
  if (issue.origin === 'array') {
    const length = Array.isArray(issue.input) ? issue.input.length : 0;
    const range = `${relation} ${limit} ${Number(limit) === 1 ? 'entry' : 'entries'}`;
    return { message: `must have ${range}, has ${length}`, fix: `List ${range}.` };
  }
  return { message: `must be ${relation} ${limit}, is ${show(issue.input)}`, fix: `Write a number that is ${relation} ${limit}.` };
}
