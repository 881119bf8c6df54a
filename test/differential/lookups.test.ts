import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isTidegateError } from '../../src/errors.ts';
import { imageBytes } from '../support/fixture-repository.ts';
import { peerLookUp, peerStore } from '../support/peer-client.ts';
import { RepositorySimulator } from '../support/repository-simulator.ts';
import { keyKinds, signingKey } from '../support/signing-keys.ts';
import { expiry } from '../support/simulated-documents.ts';
import { lookUp, refuses, trustedTargets } from '../support/trusting.ts';
import { sampling } from './sampling.ts';

const policy = { requireConsistentSnapshot: false, requireHashedKeyIds: false };
const roles = ['targets', 'a', 'b', 'c', 'd'] as const;
const paths = ['x', 'y/x', 'y/z.img', 'file.txt'];

const patterns = fc.subarray(['*', '*/*', 'y/*', '?', 'y/?', '*.txt', 'x', 'y/z.img'], { minLength: 1 });
const edge = fc.record({
  from: fc.constantFrom(...roles),
  to: fc.constantFrom('a', 'b', 'c', 'd'),
  paths: patterns,
  terminating: fc.boolean(),
  prefixes: fc.option(fc.subarray([...'0123456789abcdef'], { minLength: 1 }), { freq: 4 }),
  /** Of the two keys that a role may have, so that two delegators can disagree. */
  key: fc.constantFrom('usual', 'usual', 'usual', 'other'),
});
const listing = fc.record({ role: fc.constantFrom(...roles), path: fc.constantFrom(...paths) });
const trouble = fc.constantFrom('none', 'none', 'none', 'none', 'expired', 'unsigned', 'unlisted', 'missing');

const repositories = fc.record({
  kind: fc.constantFrom(...keyKinds),
  consistentSnapshot: fc.boolean(),
  stateHashes: fc.boolean(),
  edges: fc.array(edge, { maxLength: 7 }),
  listings: fc.array(listing, { maxLength: 6 }),
  troubles: fc.tuple(trouble, trouble),
  bits: fc.option(fc.integer({ min: 1, max: 5 }), { freq: 6 }),
});

type Shape = typeof repositories extends fc.Arbitrary<infer T> ? T : never;

function build(shape: Shape): RepositorySimulator {
  const { consistentSnapshot, stateHashes, kind, edges, listings, troubles, bits } = shape;
  const repository = new RepositorySimulator({ consistentSnapshot, stateHashes });
  repository.setKeys('targets', [signingKey('reader', kind)]);
  repository.publishRoot();
  for (const { from, to, paths: covered, terminating, prefixes, key } of edges) {
    if (!repository.roles.has(from)) continue;
    const taken = repository.role(from).delegations?.roles ?? [];
    if (taken.some(({ name }) => name === to)) continue;
    const scope = prefixes === null ? { paths: covered } : { pathHashPrefixes: prefixes };
    repository.delegate(from, to, { ...scope, terminating, keys: [signingKey(`${to}-${key}`)] });
    repository.signers.set(to, [signingKey(`${to}-usual`)]);
  }
  if (bits !== null && repository.roles.has('a') && repository.role('a').delegations === undefined)
    for (const bin of repository.delegateSuccinct('a', bits, 'bin'))
      repository.addTarget('file.txt', imageBytes(bin, 20), bin);
  for (const { role, path } of listings)
    if (repository.roles.has(role)) repository.addTarget(path, imageBytes(`${role} ${path}`, 20), role);
  repository.writeAll();
  for (const [index, what] of troubles.entries()) spoil(repository, ['a', 'b'][index] ?? 'a', what);
  return repository;
}

function spoil(repository: RepositorySimulator, role: string, what: string): void {
  const document = repository.roles.get(role);
  if (document === undefined || what === 'none') return;
  if (what === 'expired') document.expires = expiry(-1);
  const bytes = repository.write(role, what === 'unsigned' ? [] : repository.signersOf(role));
  repository.snapshot.meta[`${role}.json`] = repository.metaOf(bytes, document.version);
  if (what === 'unlisted') delete repository.snapshot.meta[`${role}.json`];
  repository.publishSnapshot();
  if (what === 'missing') repository.files.delete(repository.fileName(role, document.version));
}

/** The hash of what is found, `nothing`, or `refused`. */
function ourAnswer(repository: RepositorySimulator, path: string): string {
  try {
    return lookUp(repository, path, { policy }).found?.hashes.sha256 ?? 'nothing';
  } catch (error) {
    // The walk of the tests throws a plain error for a file that is not there.
    if (isTidegateError(error, 'internal') || error instanceof TypeError) throw error;
    return 'refused';
  }
}

async function theirAnswers(repository: RepositorySimulator): Promise<readonly string[]> {
  const answers = await peerLookUp(repository, paths);
  return answers.map((answer) =>
    answer instanceof Error ? 'refused' : (answer?.hashes.sha256 ?? 'nothing'),
  );
}

describe('differential: random repositories, ours and tuf-js', () => {
  it('find the same targets, or refuse alike', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(repositories, async (shape) => {
        const repository = build(shape);
        const answers = paths.map((path) => ourAnswer(repository, path));
        assert.deepEqual(answers, await theirAnswers(repository));
        for (const answer of answers) seen.add(answer.length === 64 ? 'found' : answer);
      }),
      sampling(60),
    );
    assert.deepEqual([...seen].sort(), ['found', 'nothing', 'refused'], 'the repositories are not all alike');
  });

  it('stricter: one public key under two ids is one key (TUF specification 5.3.4, TAP 12); tuf-js counts ids', () => {
    const repository = new RepositorySimulator();
    const key = signingKey('twice');
    repository.setKeys('targets', [key, { ...key, id: 'f'.repeat(64) }], 2);
    repository.publishRoot();
    repository.writeAll();
    refuses(() => trustedTargets(repository, { policy }), 'threshold-not-met', '1 of 2');
    const store = peerStore(repository.written('root', 1));
    store.updateRoot(Buffer.from(repository.written('root', 2)));
    store.updateTimestamp(Buffer.from(repository.written('timestamp')));
    store.updateSnapshot(Buffer.from(repository.written('snapshot')));
    store.updateDelegatedTargets(Buffer.from(repository.written('targets')), 'targets', 'root');
    assert.ok(store.targets);
  });

  it('stricter: `!`, braces and brackets in patterns stand for themselves (DEL-14); tuf-js gives them a meaning', async () => {
    for (const [pattern, path] of [
      ['!a', 'x'],
      ['{x,y}', 'x'],
      ['[x]', 'x'],
      ['+(x)', 'x'],
    ] as const) {
      const repository = new RepositorySimulator();
      repository.delegate('targets', 'a', { paths: [pattern] });
      repository.addTarget(path, imageBytes(path, 9), 'a');
      repository.writeAll();
      assert.equal(ourAnswer(repository, path), 'nothing', pattern);
      assert.notEqual((await theirAnswers(repository))[0], 'nothing', pattern);
    }
  });

  it('wider: `*` covers names that begin with a dot; tuf-js follows the shell', async () => {
    const repository = new RepositorySimulator();
    repository.delegate('targets', 'a', { paths: ['*'] });
    repository.addTarget('.hidden', imageBytes('.hidden', 9), 'a');
    repository.writeAll();
    assert.equal(ourAnswer(repository, '.hidden').length, 64);
    assert.deepEqual(await peerLookUp(repository, ['.hidden']), [undefined]);
  });
});
