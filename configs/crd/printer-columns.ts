/** A column of `kubectl get segx`. Columns with priority 1 appear only with `-o wide`. */
export type PrinterColumn = {
  readonly name: string;
  readonly type: 'string' | 'number' | 'date';
  readonly description: string;
  readonly jsonPath: string;
  readonly priority?: 1;
};

export const PRINTER_COLUMNS: readonly PrinterColumn[] = [
  { name: 'State', type: 'string', description: 'State of the experiment.', jsonPath: '.status.state' },
  { name: 'Model', type: 'string', description: 'The network.', jsonPath: '.spec.model.name' },
  { name: 'Progress', type: 'string', description: 'How much of the experiment is done.', jsonPath: '.status.progress' },
  { name: 'Dice', type: 'number', description: 'Mean of the best Dice of the folds so far.', jsonPath: '.status.bestDice' },
  { name: 'Folds', type: 'string', description: 'Finished folds and all folds.', jsonPath: '.status.foldsFinished' },
  { name: 'Age', type: 'date', description: 'Time since the experiment was created.', jsonPath: '.metadata.creationTimestamp' },
  { name: 'Owner', type: 'string', description: 'Owner of the experiment.', jsonPath: '.spec.owner', priority: 1 },
  { name: 'ETA', type: 'string', description: 'When training will finish.', jsonPath: '.status.estimatedCompletionTime', priority: 1 },
  { name: 'Reason', type: 'string', description: 'Why the experiment is in this state.', jsonPath: '.status.reason', priority: 1 },
];

/** The fields that `kubectl get segx --field-selector` accepts. */
export const SELECTABLE_FIELDS: readonly string[] = ['.spec.owner', '.spec.model.name', '.spec.placement.queueName', '.status.state'];
