/** `namespace/name`: the experiment in a line of the log, and its key in queues. */
export function experimentTitle({ metadata }: { readonly metadata: { readonly namespace?: string; readonly name: string } }): string {
  return `${metadata.namespace ?? 'default'}/${metadata.name}`;
}
