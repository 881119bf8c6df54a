/** One repository before both verifiers, with one file replaced: which role each of them refuses first, and why. */
import { isTidegateError } from '../../src/errors.ts';
import { noFloors } from '../../src/trust/floors.ts';
import { topLevelTargets, updateTargets } from '../../src/trust/targets-role.ts';
import {
  finishRoot,
  type TrustedSet,
  trustRoot,
  updateRoot,
  updateSnapshot,
  updateTimestamp,
} from '../../src/trust/trusted-set.ts';
import { fixtureRepository } from '../support/fixture-repository.ts';
import { peerStore } from '../support/peer-client.ts';
import { copyOf } from '../support/reading.ts';
import type { RepositorySimulator } from '../support/repository-simulator.ts';
import { signingKey } from '../support/signing-keys.ts';
import type { TopLevel } from '../support/simulated-documents.ts';
import { strictPolicy } from '../support/trusting.ts';
import { record } from '../support/written-json.ts';

export const order = ['root', 'timestamp', 'snapshot', 'targets'] as const;

/** The role that was refused first, or `none`, and the error. */
export interface Verdict {
  readonly refused: TopLevel | 'none';
  readonly why: string;
}

/** The fixture with members of every kind; nothing states hashes, so that one file can be replaced alone. */
function richRepository(): RepositorySimulator {
  const repository = fixtureRepository({ stateHashes: false });
  repository.delegate('targets', 'patterns', { paths: ['a/*', 'b?'], terminating: true });
  repository.delegate('targets', 'prefixes', { pathHashPrefixes: ['0', 'abc'] });
  repository.addTarget('a/b.img', Uint8Array.of(1, 2, 3), 'targets', {
    version: '1.0.0',
    list: [1, { deep: null }],
  });
  repository.setKeys('timestamp', [signingKey('first'), signingKey('reader', 'rsa sha256')], 2);
  repository.root['x-more'] = { deep: [true] };
  repository.writeAll();
  return repository;
}

export const repository = richRepository();

export function documentOf(role: TopLevel): Record<string, unknown> {
  return copyOf(repository.document(role));
}

/** The document of a role with one member replaced, by its path with "/"; "*" is the first member there is. */
export function changedAt(role: TopLevel, path: string, value: unknown): unknown {
  return replaced(documentOf(role), path.split('/'), value);
}

function replaced(node: unknown, [name = '', ...rest]: readonly string[], value: unknown): unknown {
  if (Array.isArray(node)) {
    const index = Number(name);
    return node.with(index, rest.length === 0 ? value : replaced(node[index], rest, value));
  }
  const members = record<unknown>(node as Record<string, unknown>);
  const member = name === '*' ? (Object.keys(members)[0] ?? '') : name;
  members[member] = rest.length === 0 ? value : replaced(members[member], rest, value);
  return members;
}

/** The file of a role, rightly signed, whatever it says. */
export function signedAs(role: TopLevel, signed: unknown): Uint8Array {
  return repository.sign(signed, repository.signersOf(role));
}

export function ours(role: TopLevel, file: Uint8Array): Verdict {
  const policy = { ...strictPolicy, requireHashedKeyIds: false, requireConsistentSnapshot: false };
  let set: TrustedSet = trustRoot(repository.written('root', 1), policy, noFloors);
  const steps: Readonly<Record<TopLevel, (bytes: Uint8Array) => TrustedSet>> = {
    root: (bytes) => finishRoot(updateRoot(set, bytes)),
    timestamp: (bytes) => updateTimestamp(set, bytes),
    snapshot: (bytes) => updateSnapshot(set, bytes),
    targets: (bytes) => updateTargets(set, bytes, topLevelTargets),
  };
  return walk(role, file, (step, bytes) => {
    set = steps[step](bytes);
  });
}

export function theirs(role: TopLevel, file: Uint8Array): Verdict {
  const store = peerStore(repository.written('root', 1));
  const steps: Readonly<Record<TopLevel, (bytes: Buffer) => unknown>> = {
    root: (bytes) => store.updateRoot(bytes),
    timestamp: (bytes) => store.updateTimestamp(bytes),
    snapshot: (bytes) => store.updateSnapshot(bytes),
    targets: (bytes) => store.updateDelegatedTargets(bytes, 'targets', 'root'),
  };
  return walk(role, file, (step, bytes) => steps[step](Buffer.from(bytes)));
}

function walk(
  role: TopLevel,
  file: Uint8Array,
  accept: (step: TopLevel, bytes: Uint8Array) => void,
): Verdict {
  for (const step of order) {
    try {
      accept(step, step === role ? file : repository.written(step));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { refused: step, why: isTidegateError(error) ? `${error.code}: ${message}` : message };
    }
  }
  return { refused: 'none', why: '' };
}
