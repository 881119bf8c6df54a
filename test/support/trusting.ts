/** Walks a simulated repository with the pure rules of trust/, as a client would, without one. */
import assert from 'node:assert/strict';
import type { ErrorCode } from '../../src/errors.ts';
import { documentLimits } from '../../src/metadata/limits.ts';
import { parseTargetPath } from '../../src/metadata/target-path.ts';
import { type Floors, noFloors } from '../../src/trust/floors.ts';
import { defaultLimits } from '../../src/trust/limits.ts';
import { type SearchResult, searchTarget } from '../../src/trust/lookup.ts';
import type { TrustPolicy } from '../../src/trust/policy.ts';
import { listedMeta, topLevelTargets, updateTargets } from '../../src/trust/targets-role.ts';
import {
  finishRoot,
  type TrustedSet,
  trustRoot,
  updateRoot,
  updateSnapshot,
  updateTimestamp,
} from '../../src/trust/trusted-set.ts';
import type { RepositorySimulator } from './repository-simulator.ts';
import { START } from './simulated-documents.ts';

export const strictPolicy: TrustPolicy = {
  now: START,
  limits: defaultLimits,
  requireConsistentSnapshot: true,
  allowDelegations: true,
  requireHashedKeyIds: true,
};

/** The limits of documents alone. */
export const limits = documentLimits;

export interface Walk {
  readonly policy?: Partial<TrustPolicy>;
  readonly floors?: Floors;
}

/** The embedded root 1 and every root that is served after it. */
export function trustedRoots(repository: RepositorySimulator, { policy, floors }: Walk = {}): TrustedSet {
  let set = trustRoot(repository.written('root', 1), { ...strictPolicy, ...policy }, floors ?? noFloors);
  for (;;) {
    const bytes = repository.files.get(`${set.root.document.version + 1}.root.json`);
    if (bytes === undefined) return finishRoot(set);
    set = updateRoot(set, bytes);
  }
}

export function trustedTimestamp(repository: RepositorySimulator, walk: Walk = {}): TrustedSet {
  return updateTimestamp(trustedRoots(repository, walk), served(repository, 'timestamp.json'));
}

export function trustedSnapshot(repository: RepositorySimulator, walk: Walk = {}): TrustedSet {
  const set = trustedTimestamp(repository, walk);
  const version = set.timestamp?.document.snapshot.version ?? 0;
  return updateSnapshot(set, served(repository, repository.fileName('snapshot', version)));
}

export function trustedTargets(repository: RepositorySimulator, walk: Walk = {}): TrustedSet {
  const set = trustedSnapshot(repository, walk);
  return updateTargets(set, servedRole(repository, set, 'targets'), topLevelTargets);
}

/** What a client remembers after a good refresh of the fixture. */
export const floorsOf = (repository: RepositorySimulator): Floors => trustedTargets(repository).floors;

/** The file that the trusted snapshot lists for a role. */
export function servedRole(repository: RepositorySimulator, set: TrustedSet, role: string): Uint8Array {
  return served(repository, repository.fileName(role, listedMeta(set, role).version));
}

/** Looks a target up, fetching delegated roles from the repository. */
export function lookUp(repository: RepositorySimulator, path: string, walk: Walk = {}): SearchResult {
  return continueLookUp(repository, trustedTargets(repository, walk), path);
}

export function continueLookUp(
  repository: RepositorySimulator,
  from: TrustedSet,
  path: string,
): SearchResult {
  const search = searchTarget(from, parseTargetPath(path));
  let set = from;
  let step = search.next();
  while (!step.done) {
    set = updateTargets(set, servedRole(repository, set, step.value.role), step.value);
    step = search.next(set);
  }
  return step.value;
}

/** A file as it is served; one that is not there is a mistake of the test. */
export function served(repository: RepositorySimulator, name: string): Uint8Array {
  const bytes = repository.files.get(name);
  if (bytes === undefined) throw new Error(`the test asks for ${name}, which the simulator does not have`);
  return bytes;
}

/** Asserts a coded error, and that its message names all of `mentions`. */
export function refuses(
  run: () => unknown,
  code: ErrorCode,
  ...mentions: readonly (string | RegExp)[]
): void {
  assert.throws(run, (error: Error & { code?: string }) => {
    assert.equal(error.code, code, `${error.name} ${error.code}: ${error.message}\n${error.stack}`);
    for (const mention of mentions) {
      const named =
        typeof mention === 'string' ? error.message.includes(mention) : mention.test(error.message);
      assert.ok(named, `"${error.message}" does not name ${mention}`);
    }
    return true;
  });
}

/** Milliseconds of CPU that a run takes, its error included. */
export function cpuMilliseconds(run: () => unknown): number {
  const start = process.cpuUsage();
  try {
    run();
  } catch {
    // Only the time is asked.
  }
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** What no parser takes. */
export const garbage = new TextEncoder().encode('not JSON at all');

/** White space behind, up to a length: JSON stays what it was. */
export function padded(bytes: Uint8Array, length: number): Uint8Array {
  const larger = new Uint8Array(length).fill(0x20);
  larger.set(bytes);
  return larger;
}

/** Expiry in milliseconds from the start of the update, and whether it has passed by then: at its moment it has. */
export const expiryMoments: readonly (readonly [late: number, fails: boolean])[] = [
  [0, true],
  [-1000, true],
  [1000, false],
];
