/** MicroTime of the API: six digits after the point are what leases and events take. */
export function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}
