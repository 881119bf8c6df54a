/** Repositories that are nothing but who delegates to whom. */
import { imageBytes } from './fixture-repository.ts';
import { type DelegationOptions, RepositorySimulator } from './repository-simulator.ts';
import { signingKey } from './signing-keys.ts';

export type Edge = readonly [delegator: string, role: string, options?: DelegationOptions];

/** A repository of these delegations, in this order; `lists` are the roles that list `path`. */
export function graph(
  edges: readonly Edge[],
  lists: readonly string[] = [],
  path = 'app/p.img',
): RepositorySimulator {
  const repository = new RepositorySimulator();
  const keys = [signingKey('delegated')];
  for (const [delegator, role, options] of edges)
    repository.delegate(delegator, role, { keys, paths: ['*/*'], ...options });
  for (const role of lists) repository.addTarget(path, imageBytes(role, 40), role);
  repository.writeAll();
  return repository;
}
