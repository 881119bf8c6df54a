/** The search order that `delegate show` prints, against what clients do: ours asks the same roles, tuf-js finds the same. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseEnvelope } from '../../src/metadata/envelope.ts';
import { parseTargetPath } from '../../src/metadata/target-path.ts';
import { parseTargets } from '../../src/metadata/targets.ts';
import type { LiveRepository } from '../../src/signer/publication/live-repository.ts';
import { searchSteps } from '../../src/signer/publication/search-order.ts';
import { defaultLimits } from '../../src/trust/limits.ts';
import { imageBytes } from '../support/fixture-repository.ts';
import { peerLookUp } from '../support/peer-client.ts';
import { RepositorySimulator } from '../support/repository-simulator.ts';
import { signingKey } from '../support/signing-keys.ts';
import { lookUp } from '../support/trusting.ts';
import { sampling } from './sampling.ts';

const policy = { requireConsistentSnapshot: false, requireHashedKeyIds: false };
const roles = ['targets', 'a', 'b', 'c', 'd', 'e'] as const;
const paths = ['fw-1.bin', 'fw-22.bin', 'os.img', 'x'];

const graphs = fc.record({
  edges: fc.array(
    fc.record({
      from: fc.constantFrom(...roles),
      to: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      paths: fc.subarray(['*', 'fw-*', 'fw-?.bin', '*.img', '?', 'x', '*.bin'], { minLength: 1 }),
      terminating: fc.boolean(),
    }),
    { maxLength: 12 },
  ),
  listings: fc.array(fc.record({ role: fc.constantFrom(...roles), path: fc.constantFrom(...paths) }), {
    maxLength: 5,
  }),
});

type Graph = typeof graphs extends fc.Arbitrary<infer T> ? T : never;

function build({ edges, listings }: Graph): RepositorySimulator {
  const repository = new RepositorySimulator();
  const keys = [signingKey('delegated')];
  for (const { from, to, ...rest } of edges) {
    if (!repository.roles.has(from)) continue;
    const taken = repository.role(from).delegations?.roles ?? [];
    if (!taken.some(({ name }) => name === to)) repository.delegate(from, to, { ...rest, keys });
  }
  for (const { role, path } of listings)
    if (repository.roles.has(role)) repository.addTarget(path, imageBytes(`${role} ${path}`, 20), role);
  repository.writeAll();
  return repository;
}

/** As the signer reads it: every role, whoever delegates to it. */
function published(repository: RepositorySimulator): Pick<LiveRepository, 'published'> {
  const document = (role: string) =>
    parseTargets(parseEnvelope(repository.written(role), defaultLimits, role), defaultLimits);
  const delegated = [...repository.roles.keys()].filter((role) => role !== 'targets');
  const files = delegated.map((role) => [role, { document: document(role) }] as const);
  return {
    published: { targets: document('targets'), delegated: new Map(files) },
  } as unknown as Pick<LiveRepository, 'published'>;
}

describe('differential: the search order that is shown', () => {
  it('DEL-01, DEL-03: is the one in which clients search, in random graphs', async () => {
    let longest = 0;
    await fc.assert(
      fc.asyncProperty(graphs, async (shape) => {
        const repository = build(shape);
        const live = published(repository);
        const answers = await peerLookUp(repository, paths);
        for (const [index, path] of paths.entries()) {
          const steps = searchSteps(live.published?.targets.delegations, live, parseTargetPath(path));
          const { found, visited } = lookUp(repository, path, { policy });
          assert.deepEqual(
            steps.map(({ role }) => role),
            visited,
          );
          assert.equal(steps.find(({ lists }) => lists)?.role, found?.role);
          const answer = answers[index];
          assert.ok(!(answer instanceof Error));
          assert.equal(answer?.hashes.sha256, found?.hashes.sha256);
          longest = Math.max(longest, steps.length);
        }
      }),
      sampling(60),
    );
    assert.ok(longest > 3, 'the graphs are not all alike');
  }).timeout(120_000);
});
