import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** Old-fashioned phrases. cspell flags single words (cspell.json, flagWords); it cannot flag phrases. */
const PHRASES: readonly RegExp[] = [
  /\bfor want of\b/i,
  /\bin vain\b/i,
  /\b(?:is|are|was|were|be|been) told\b/i,
  /\btells? of\b/i,
  /\bin whose words\b/i,
  /\bin whose\b/i,
  /\bpassed over\b/i,
  /\bto be had\b/i,
  /\bcome to be\b/i,
  /\bcame to be\b/i,
  /\bis none of\b/i,
  /\bfor ever\b/i,
  /\bof which there\b/i,
  /\bsave for\b/i,
  /\bas it were\b/i,
  /\bin its stead\b/i,
  /\bever so\b/i,
  /\bnone such\b/i,
  /\bno longer so\b/i,
  /\bbe it\b/i,
];

const files = globSync(['**/*.{ts,md,py,cc,h,go,sh,yaml}', 'Makefile', '.ci/run', 'docs/adr/*.md'], {
  exclude: ['**/node_modules', '**/.carpal', '**/fixtures', 'out', 'data', 'prose.test.ts'],
});

describe('the prose of the repository', () => {
  it('is read as a whole tree, not an empty one', () => {
    expect(files.length).toBeGreaterThan(400);
    expect(files).toContain('README.md');
  });

  it('has no phrase of the list of old-fashioned phrases', () => {
    const found = files.flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line, index) =>
          PHRASES.filter((phrase) => phrase.test(line)).map((phrase) => `${file}:${index + 1} ${phrase.source}: ${line.trim()}`),
        ),
    );
    expect(found).toEqual([]);
  });
});
