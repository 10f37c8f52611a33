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
    expect(viewingOf()).toEqual({ views: ['identity', 'flipHorizontal'], degrees: 10, scale: 0.05 });
    const window = { size: 512, stride: 256, weights: 'gaussian' };
    expect(viewingOf('--window', '512')).toMatchObject({ window });
  });

  it('are all accepted', () => {
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
    ['--tta', 'upsideDown', 'there is no view "upsideDown"'],
    ['--tta', 'identity,', 'there is no view ""'],
    ['--tta', 'identity,identity', 'view identity is named twice'],
    ['--tta-degrees', '0', 'the value must be more than 0, is 0'],
    ['--tta-degrees', 'ten', 'the value must be a number, is NaN'],
    ['--tta-scale', '0.9', 'the value must be at most 0.5, is 0.9'],
    ['--window', '-1', 'the value must be at least 32, is -1'],
    ['--window', '100.5', 'the value must be a whole number, is 100.5'],
    ['--window', 'large', 'the value must be a number, is NaN'],
    ['--stride', '10', 'it is only valid with --window'],
    ['--sheet-size', '10', 'it is only valid with --window'],
  ])('refuse %s %s and name the option', (option, value, message) => {
    expect(() => viewingOf(option, value)).toThrow(expect.objectContaining({ code: 'usage-invalid', where: option, message }));
  });

  it.each([
    ['--stride', '128', '--stride', 'a stride of 128 leaves gaps between windows of 96'],
    ['--stride', '0', '--stride', 'the value must be at least 1, is 0'],
    ['--sheet-size', 'wide', '--sheet-size', 'the value must be a number, is NaN'],
    ['--window-weights', 'flat', '--window-weights', 'the value "flat" is not a valid value'],
  ])('refuse %s %s for windows of 96 pixels', (option, value, where, message) => {
    const refused = expect.objectContaining({ code: 'usage-invalid', where, message });
    expect(() => viewingOf('--window', '96', option, value)).toThrow(refused);
  });
});
