/** What `kubectl get segx` shows; priority 1 only with `-o wide`. */
export type PrinterColumn = {
  readonly name: string;
  readonly type: 'string' | 'number' | 'date';
  readonly description: string;
  readonly jsonPath: string;
  readonly priority?: 1;
};

export const PRINTER_COLUMNS: readonly PrinterColumn[] = [
  { name: 'State', type: 'string', description: 'Where the experiment stands.', jsonPath: '.status.state' },
  { name: 'Model', type: 'string', description: 'The network.', jsonPath: '.spec.model.name' },
  { name: 'Progress', type: 'string', description: 'How much of the whole is done.', jsonPath: '.status.progress' },
  { name: 'Dice', type: 'number', description: 'Mean of the best Dice of the folds so far.', jsonPath: '.status.bestDice' },
  { name: 'Folds', type: 'string', description: 'Folds finished, of all.', jsonPath: '.status.foldsFinished' },
  { name: 'Age', type: 'date', description: 'Since it was created.', jsonPath: '.metadata.creationTimestamp' },
  { name: 'Owner', type: 'string', description: 'Whose it is.', jsonPath: '.spec.owner', priority: 1 },
  { name: 'ETA', type: 'string', description: 'When training should be done.', jsonPath: '.status.estimatedCompletionTime', priority: 1 },
  { name: 'Reason', type: 'string', description: 'Why it is in this state.', jsonPath: '.status.reason', priority: 1 },
];

/** Fields that `kubectl get segx --field-selector` knows. */
export const SELECTABLE_FIELDS: readonly string[] = ['.spec.owner', '.spec.model.name', '.spec.placement.queueName', '.status.state'];
