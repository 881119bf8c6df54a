/** What our signer writes, before the audit; and what the audit says of old roots, beside what hosts do. */
import assert from 'node:assert/strict';
import { RepositoryClient } from '../../../src/client/updater.ts';
import { isTidegateError } from '../../../src/errors.ts';
import { type AuditPlace, placeIn } from '../../../src/signer/audit/places.ts';
import { auditRepository } from '../../../src/signer/audit/repository-audit.ts';
import { StoreFolder } from '../../../src/signer/audit/store-folder.ts';
import { keyTypes } from '../../../src/signer/keys/signing-key.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { addRelease } from '../../../src/signer/release/add-release.ts';
import type { Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import type { ReadableStore } from '../../../src/storage/store.ts';
import { ClientScene } from '../../support/client-scene.ts';
import { fixtureImages, fixtureRepository } from '../../support/fixture-repository.ts';
import { MemoryFileSystem } from '../../support/memory-file-system.ts';
import type { RepositorySimulator } from '../../support/repository-simulator.ts';
import { signingKeys } from '../../support/signing-keys.ts';
import {
  addVersion,
  day,
  open,
  planAndPublish,
  putFile,
  start,
  unlock,
  type WorkspaceKind,
  workspaceDisk,
} from '../../support/workspace.ts';

async function published(kind: WorkspaceKind): Promise<{ workspace: Workspace; store: MemoryStore }> {
  const store = new MemoryStore();
  const workspace = await open(await workspaceDisk(kind), store);
  const kinds = kind.template === 'bottlerocket' ? ['boot', 'root', 'hash'] : ['image'];
  for (const [turn, version] of ['1.0.0', '1.1.0-rc.1+build.7'].entries()) {
    const images: Record<string, string> = {};
    for (const name of kinds)
      images[name] = await putFile(
        workspace.fileSystem,
        `/images/${name}-${version}.lz4`,
        `${name} ${version}`,
      );
    await addRelease(workspace, { version, images, startTime: start });
    await planAndPublish(workspace, start + turn);
  }
  await refreshRepositories(workspace, { now: start + 2 * day, unlock });
  return { workspace, store };
}

describe('what we write', () => {
  const kinds: readonly (readonly [WorkspaceKind, string])[] = [
    ...keyTypes.map((keyType) => [{ template: 'single' as const, keyType }, 'metadata'] as const),
    [{ template: 'bottlerocket', variants: { demo: ['x86_64'] } }, 'demo/x86_64'],
  ];

  for (const [kind, folder] of kinds) {
    it(`passes the profile bottlerocket by default, and the stricter ones: ${kind.template}, ${kind.keyType ?? 'ed25519'}`, async () => {
      const { workspace, store } = await published(kind);
      const [trustedRoot = new Uint8Array()] = workspace.roots;
      for (const profile of ['bottlerocket', 'portable', 'strict'] as const) {
        const options = {
          trustedRoot,
          now: start + 2 * day,
          sample: { kind: 'all' } as const,
          seed: '',
          profile,
        };
        const report = await auditRepository(placeIn(store, folder), options);
        assert.deepEqual([report.problems, report.profile], [[], []]);
        assert.deepEqual([report.releases, report.files.verified], [2, report.files.listed]);
      }
    });
  }
});

/** A folder of a store, as a host is given it. */
function folderOf(
  store: MemoryStore,
  folder: string,
  before: (name: string) => Promise<void> = async () => undefined,
): ReadableStore {
  return {
    location: `memory:${folder}`,
    read: async (name, limit, options) => {
      const file = await store.read(`${folder}/${name}`, limit, options);
      await before(name);
      return file;
    },
    open: (name, options) => store.open(`${folder}/${name}`, options),
    stat: (name, options) => store.stat(`${folder}/${name}`, options),
  };
}

describe('a host in the middle of an update', () => {
  it('SPEC-89: gets the whole version that it began with, while the next one is published', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, start);
    let turns = 0;
    const metadata = folderOf(store, 'metadata', async (name) => {
      if (name !== 'timestamp.json') return;
      turns += 1;
      await addVersion(workspace, `1.${turns}.0`);
      await planAndPublish(workspace, start + turns * 1000);
    });
    const client = new RepositoryClient({
      trustedRoot: workspace.roots[0] ?? new Uint8Array(),
      metadata,
      targets: folderOf(store, 'targets'),
      stateDirectory: '/state',
      clock: () => start + 60_000,
      secondVerifier: 'off',
      fileSystem: new MemoryFileSystem(),
    });
    for (const expected of [1, 2, 3]) {
      await client.refresh();
      assert.deepEqual([turns, (await client.manifest()).updates.length], [expected, expected]);
    }
    await client.close();
  });
});

function placeOf({ metadata, images }: RepositorySimulator): AuditPlace {
  return { name: 'simulated', metadata: new StoreFolder(metadata, ''), targets: new StoreFolder(images, '') };
}

describe('what the audit says of old roots', () => {
  const cases: Readonly<Record<string, (repository: RepositorySimulator) => void>> = {
    'a good chain': () => undefined,
    'a root that the one before did not sign': (repository) => {
      repository.setKeys('root', signingKeys('others', 3), 2);
      repository.root.version += 1;
      repository.write('root', repository.signersOf('root'));
      repository.publishRoot();
    },
    'a root that is gone': ({ files }) => files.delete('3.root.json'),
    'a root that is none': ({ files }) => files.set('3.root.json', Buffer.from('{}')),
  };

  for (const [name, bend] of Object.entries(cases)) {
    it(`SPEC-83: is what hosts meet that have them embedded: ${name}`, async () => {
      const repository = fixtureRepository();
      while (repository.root.version < 5) repository.publishRoot();
      bend(repository);
      const last = repository.root.version;
      const { stranded } = await auditRepository(placeOf(repository), {
        now: repository.now,
        sample: { kind: 'all' },
        seed: '',
      });
      for (let version = 1; version <= last; version += 1) {
        const scene = new ClientScene(repository, {
          trustedRoot: repository.files.get(`${version}.root.json`) ?? repository.written('root', version),
          fileSystem: new MemoryFileSystem(),
        });
        assert.equal(
          await comesTo(scene, last),
          !stranded.includes(version),
          `from root ${version} to ${last}`,
        );
        await scene.close();
      }
    });
  }
});

/** Whether a host comes to the last root, and gets an image then. */
async function comesTo(scene: ClientScene, last: number): Promise<boolean> {
  const client = scene.client();
  try {
    const { versions } = await client.refresh();
    for await (const _ of client.stream(fixtureImages.root));
    return versions.root === last;
  } catch (error) {
    if (!isTidegateError(error)) throw error;
    return false;
  }
}
