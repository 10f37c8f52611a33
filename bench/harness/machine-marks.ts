/** How rows of several machines are told apart: each machine's mark; no text where there is one machine only. */
export function machineMarks(rows: readonly { readonly machine: string }[]): ReadonlyMap<string, string> {
  const machines = [...new Set(rows.map(({ machine }) => machine))];
  return new Map(machines.map((machine, index) => [machine, machines.length === 1 ? '' : ` (${String.fromCharCode(65 + index)})`]));
}
