import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addViewingOptions, type ViewingOptions, viewingOfOptions } from './viewing-options.ts';

const viewingOf = (...args: string[]) => {
  const command = addViewingOptions(new Command());
  command.parse(args, { from: 'user' });
  return viewingOfOptions(command.opts<ViewingOptions>());
};

describe('the options of views and windows', () => {
  it('have the defaults of a manifest', () => {
    expect(viewingOf()).toEqual({ views: ['identity', 'flipHorizontal'], degrees: 10, scale: 0.25 });
    const window = { size: 512, stride: 256, weights: 'gaussian', sheetSize: 1024 };
    expect(viewingOf('--window', '512')).toMatchObject({ window });
  });

  it('are all taken', () => {
    expect(viewingOf('--window', '64', '--window-weights', 'uniform').window).toMatchObject({ weights: 'uniform' });
    const given = ['--tta', 'identity, rotateLeft', '--tta-degrees', '5', '--tta-scale', '0.1'];
    const windows = ['--window', '96', '--stride', '32', '--sheet-size', '160'];
    expect(viewingOf(...given, ...windows)).toEqual({
      views: ['identity', 'rotateLeft'],
      degrees: 5,
      scale: 0.1,
      window: { size: 96, stride: 32, weights: 'gaussian', sheetSize: 160 },
    });
  });

  it.each([
    ['--tta', 'upsideDown'],
    ['--tta', 'identity,'],
    ['--tta', 'identity,identity'],
    ['--tta-degrees', '0'],
    ['--tta-degrees', 'ten'],
    ['--tta-scale', '0.9'],
    ['--window', '-1'],
    ['--window', '100.5'],
    ['--window', 'large'],
    ['--stride', '10'],
    ['--sheet-size', '10'],
  ])('refuse %s %s and name the option', (option, value) => {
    expect(() => viewingOf(option, value)).toThrow(expect.objectContaining({ code: 'usage-invalid', where: option }));
  });

  it.each([
    ['--stride', '128', '--stride'],
    ['--stride', '0', '--stride'],
    ['--sheet-size', '64', '--window'],
    ['--sheet-size', 'wide', '--sheet-size'],
    ['--window-weights', 'flat', '--window-weights'],
  ])('refuse for windows of 96 %s %s', (option, value, where) => {
    expect(() => viewingOf('--window', '96', option, value)).toThrow(expect.objectContaining({ code: 'usage-invalid', where }));
  });
});
