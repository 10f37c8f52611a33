import type { Command } from 'commander';

/** One row of the table: the words of the command, one line of help, and the module that implements it. */
export type CommandEntry = {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ command: () => Command }>;
};

export const COMMANDS: readonly CommandEntry[] = [
  { name: 'run', summary: 'run a whole experiment on this machine', load: () => import('./run.ts') },
  { name: 'validate', summary: 'check manifests and report every problem', load: () => import('./validate.ts') },
  { name: 'prepare', summary: 'stage 1: decode the data set once, at training size', load: () => import('./prepare.ts') },
  { name: 'fold', summary: 'stage 2: train one fold, from its last checkpoint if any', load: () => import('./fold.ts') },
  { name: 'ensemble', summary: 'stage 3: make submission, scores and report from the folds', load: () => import('./ensemble.ts') },
  { name: 'data synth', summary: 'draw a phantom data set in the real layout', load: () => import('./data-synth.ts') },
  { name: 'data inspect', summary: 'show statistics and defects of a data set', load: () => import('./data-inspect.ts') },
  {
    name: 'data preview',
    summary: 'show the images that training sees: augmented, with outlines',
    load: () => import('./data-preview.ts'),
  },
  { name: 'data suspects', summary: 'list annotations that may be wrong, from a finished run', load: () => import('./data-suspects.ts') },
  { name: 'models', summary: 'list parameters and output shape of every network', load: () => import('./models.ts') },
  { name: 'predict', summary: 'make masks for new images from trained weights', load: () => import('./predict.ts') },
  {
    name: 'weights import',
    summary: 'turn published PyTorch weights into safetensors',
    load: () => import('./weights-import.ts'),
  },
  { name: 'export', summary: 'write a trained network for other programs', load: () => import('./export.ts') },
  {
    name: 'pseudo-label',
    summary: 'make a data set of images on which networks agree',
    load: () => import('./pseudo-label.ts'),
  },
  { name: 'vote', summary: 'combine several submissions by hard vote', load: () => import('./vote.ts') },
  { name: 'score', summary: 'compute the Dice of a submission, overall and per class', load: () => import('./score.ts') },
  { name: 'compare', summary: 'compare runs: Dice with intervals, differences, time', load: () => import('./compare.ts') },
  { name: 'check', summary: 'check whether a submission is valid', load: () => import('./check.ts') },
  { name: 'operator', summary: 'manage the experiments of a Kubernetes cluster', load: () => import('./operator.ts') },
  { name: 'manifests', summary: 'print every Kubernetes object of an installation as YAML', load: () => import('./manifests.ts') },
  {
    name: 'artifacts prune',
    summary: 'remove from a store what no experiment refers to',
    load: () => import('./artifacts-prune.ts'),
  },
  { name: 'cost', summary: 'estimate the cost of an experiment in an environment', load: () => import('./cost.ts') },
  { name: 'bench', summary: "compare carpal's speed with the original's method", load: () => import('./bench.ts') },
];
