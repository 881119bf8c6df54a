/** Random sequences of good and hostile servers: what is accepted never goes back, and good news always gets through. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { RepositoryClient } from '../../src/client/updater.ts';
import { fixtureRepository } from '../support/fixture-repository.ts';
import { MemoryFileSystem } from '../support/memory-file-system.ts';
import { SimulatorStore } from '../support/simulator-store.ts';

type Files = ReadonlyMap<string, Uint8Array>;

/** What the server does in one round. */
const round = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('publish', 'rotate root', 'timestamp only', 'nothing') },
  { weight: 2, arbitrary: fc.record({ replay: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ mix: fc.nat(), of: fc.constantFrom('timestamp', 'snapshot', 'targets', 'root') }),
  },
  { weight: 2, arbitrary: fc.record({ flip: fc.nat(), in: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ withhold: fc.nat() }) },
);

describe('random servers', () => {
  it('versions never fall, and a good server always succeeds afterwards', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 10 }), async (rounds) => {
        const repository = fixtureRepository();
        const fileSystem = new MemoryFileSystem();
        const moments: Files[] = [new Map(repository.files)];
        let served: Files = new Map();
        const client = () =>
          new RepositoryClient({
            trustedRoot: repository.written('root', 1),
            metadata: new SimulatorStore('memory:random', (name) => served.get(name)),
            targets: repository.images,
            stateDirectory: '/state',
            clock: () => repository.now,
            secondVerifier: 'off',
            fileSystem,
          });
        let seen: readonly number[] = [0, 0, 0, 0];
        for (const what of rounds) {
          if (what === 'publish') repository.publish();
          if (what === 'timestamp only') repository.publishTimestamp();
          if (what === 'rotate root') repository.publishRoot();
          const good = new Map(repository.files);
          moments.push(good);
          served = typeof what === 'string' ? good : spoiled(good, moments, what);
          const result = await client()
            .refresh()
            .catch((error: unknown) => {
              assert.ok(error instanceof Error && error.name === 'TidegateError', String(error));
              return undefined;
            });
          if (typeof what === 'string') assert.ok(result !== undefined, `a good server was refused: ${what}`);
          if (result === undefined) continue;
          const versions = Object.values(result.versions);
          for (const [index, version] of versions.entries())
            assert.ok(version >= (seen[index] ?? 0), 'a version fell');
          seen = versions;
        }
      }),
      { numRuns: 60 },
    );
  });
});

type Attack =
  | { readonly replay: number }
  | { readonly mix: number; readonly of: string }
  | { readonly flip: number; readonly in: number }
  | { readonly withhold: number };

function spoiled(good: Files, moments: readonly Files[], attack: Attack): Files {
  const at = (index: number): Files => moments[index % moments.length] ?? good;
  if ('replay' in attack) return at(attack.replay);
  const files = new Map(good);
  const names = [...files.keys()];
  if ('mix' in attack) {
    // Files of one role as they were at another moment, the newest under the names of today.
    const older = [...at(attack.mix)].filter(([name]) => name.includes(attack.of));
    const newest = older.at(-1)?.[1];
    for (const name of names) if (name.includes(attack.of) && newest !== undefined) files.set(name, newest);
  } else if ('flip' in attack) {
    const name = names[attack.in % names.length] ?? '';
    const bytes = new Uint8Array(files.get(name) ?? []);
    const bit = attack.flip % (bytes.length * 8);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    files.set(name, bytes);
  } else files.delete(names[attack.withhold % names.length] ?? '');
  return files;
}
