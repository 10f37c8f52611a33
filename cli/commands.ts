import type { Command } from 'commander';

/** One row of the table: the words that call it, one line of help, and the module that does it. */
export type CommandEntry = {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ command: () => Command }>;
};

export const COMMANDS: readonly CommandEntry[] = [
  { name: 'run', summary: 'a whole experiment on this machine, from data set to submission', load: () => import('./run.ts') },
  { name: 'validate', summary: 'check manifests and name every mistake', load: () => import('./validate.ts') },
  { name: 'prepare', summary: 'stage 1: the data set at training size, once for all folds', load: () => import('./prepare.ts') },
  { name: 'fold', summary: 'train one fold, from its last checkpoint if it has one', load: () => import('./fold.ts') },
  { name: 'ensemble', summary: 'stage 3: submission, scores and report from the folds', load: () => import('./ensemble.ts') },
  { name: 'data synth', summary: 'phantom data set in the real layout', load: () => import('./data-synth.ts') },
  { name: 'data inspect', summary: 'statistics and defects of a data set', load: () => import('./data-inspect.ts') },
  { name: 'data preview', summary: 'what training sees: images augmented, with outlines', load: () => import('./data-preview.ts') },
  { name: 'models', summary: 'parameters and output shape of every network', load: () => import('./models.ts') },
  { name: 'predict', summary: 'masks for new images from trained weights', load: () => import('./predict.ts') },
  { name: 'vote', summary: 'hard vote of several submissions into one', load: () => import('./vote.ts') },
  { name: 'score', summary: 'Dice of a submission in all and per class', load: () => import('./score.ts') },
  { name: 'compare', summary: 'runs side by side: Dice with intervals, differences, time', load: () => import('./compare.ts') },
  { name: 'check', summary: 'whether a submission is valid', load: () => import('./check.ts') },
  { name: 'operator', summary: 'look after the experiments of a Kubernetes cluster', load: () => import('./operator.ts') },
  { name: 'manifests', summary: 'every Kubernetes object of an installation, as YAML', load: () => import('./manifests.ts') },
  { name: 'cost', summary: 'what an experiment will cost on the nodes of an environment', load: () => import('./cost.ts') },
  { name: 'bench', summary: "carpal's speed beside the original's method, measured here", load: () => import('./bench.ts') },
];
