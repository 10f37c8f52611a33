/** The variables of this machine that a container's process needs. All others come from the pod. */
export function machineEnvironment(): Record<string, string> {
  const { PATH, HOME, LANG, CARPAL_CACHE } = process.env;
  const given = Object.entries({ PATH, HOME, LANG, CARPAL_CACHE });
  return Object.fromEntries(given.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
