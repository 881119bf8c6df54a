/** What is known to fail with other clients, by the name of the case. The driver itself is checked with it. */
export const knownFailures: Readonly<Record<'tuf-js' | 'python-tuf', readonly string[]>> = {
  'tuf-js': [],
  'python-tuf': [],
};

export function isPeer(name: string): name is keyof typeof knownFailures {
  return Object.hasOwn(knownFailures, name);
}
