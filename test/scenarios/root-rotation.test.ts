/** Which roots a client accepts, in which order, and what it keeps of those it does not. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ClientScene } from '../support/client-scene.ts';
import { type SigningKey, signingKeys } from '../support/signing-keys.ts';
import { expiry } from '../support/simulated-documents.ts';

const stranger = signingKeys('stranger', 3);

describe('root rotation', () => {
  let scene: ClientScene;
  beforeEach(async () => {
    scene = new ClientScene();
    await scene.refresh();
  });
  afterEach(() => scene.close());

  const signersOfOthers: Record<string, () => readonly SigningKey[]> = {
    'a stranger': () => stranger,
    nobody: () => [],
    "the targets role's key": () => scene.repository.signersOf('targets'),
    'one of two needed keys': () => scene.repository.signersOf('root').slice(0, 1),
  };
  for (const [who, signers] of Object.entries(signersOfOthers)) {
    it(`TUF-01: refuses a root signed by ${who}`, async () => {
      scene.repository.root.version = 3;
      scene.repository.write('root', signers());
      const error = await scene.refused('threshold-not-met', () => scene.refresh());
      const valid = who === 'one of two needed keys' ? 1 : 0;
      assert.match(error.message, new RegExp(`^3\\.root\\.json: ${valid} of 2 valid`));
      assert.deepEqual(scene.repository.requests, ['3.root.json']);
    });
  }

  for (const version of [4, 2]) {
    it(`TUF-02: refuses version ${version} where version 3 should be`, async () => {
      scene.repository.root.version = version;
      const bytes = scene.repository.write('root');
      scene.repository.files.set('3.root.json', bytes);
      const error = await scene.refused('version-mismatch', () => scene.refresh());
      assert.deepEqual([error.details.expected, error.details.found], [3, version]);
    });
  }

  it('TUF-02: a gap ends the walk at 2 and the refresh goes on', async () => {
    scene.repository.root.version = 3;
    scene.repository.files.set('4.root.json', scene.repository.write('root'));
    scene.repository.files.delete('3.root.json');
    const { versions } = await scene.refresh();
    assert.equal(versions.root, 2);
    assert.deepEqual(scene.repository.requests, ['3.root.json', 'timestamp.json']);
  });

  it('TUF-04: a bad root is never written, and a root signed by its keys is refused in the next run', async () => {
    const { repository } = scene;
    const before = repository.root.roles.root;
    repository.publishRoot();
    repository.root.version = 4;
    repository.setKeys('root', stranger, 2);
    const bad = repository.write('root', stranger);
    const error = await scene.refused('threshold-not-met', () => scene.refresh(), [
      'root.json',
      'roots/3.root',
    ]);
    assert.match(error.message, /^4\.root\.json/);
    const stored = Object.keys(scene.files());
    assert.ok(!stored.includes('roots/4.root'));
    for (const name of stored) assert.notDeepEqual(new Uint8Array(scene.stored(name)), bad);
    repository.root.version = 5;
    repository.write('root', stranger);
    repository.files.delete('4.root.json');
    assert.equal((await scene.refresh()).versions.root, 3);
    repository.files.set('4.root.json', repository.written('root', 5));
    await scene.refused('threshold-not-met', () => scene.refresh());
    assert.notDeepEqual(repository.root.roles.root, before);
  });

  it('TUF-05: refuses an older root, and the same one again, as the next', async () => {
    scene.repository.publishRoot();
    await scene.refresh();
    for (const version of [3, 2]) {
      scene.repository.files.set('4.root.json', scene.repository.written('root', version));
      const error = await scene.refused('version-mismatch', () => scene.refresh());
      assert.deepEqual([error.details.expected, error.details.found], [4, version]);
    }
  });

  it('TUF-06: an expired root in between does not matter', async () => {
    scene.repository.root.expires = expiry(-1);
    scene.repository.publishRoot();
    scene.repository.root.expires = expiry(365);
    scene.repository.publishRoot();
    assert.equal((await scene.refresh()).versions.root, 4);
  });

  it('TUF-06: an expired newest root is stored and blocks everything after it; a fresh one ends that', async () => {
    const { repository } = scene;
    repository.publishRoot();
    repository.root.expires = expiry(-1);
    repository.publishRoot();
    repository.publish();
    const changed = ['floors.1', 'floors.2', 'root.json', 'roots/3.root', 'roots/4.root'];
    const client = scene.client();
    const error = await scene.refused('expired', () => client.refresh(), changed);
    assert.match(error.message, /^root 4: version 4 expired at 2029-12-31T00:00:00Z/);
    assert.equal(repository.requests.at(-1), '5.root.json');
    assert.deepEqual(new Uint8Array(scene.stored('root.json')), repository.written('root', 4));
    repository.root.expires = expiry(365);
    repository.publishRoot();
    assert.deepEqual((await client.refresh()).versions, { root: 5, timestamp: 6, snapshot: 6, targets: 6 });
  });

  it('TUF-44: an embedded root that expired long ago is where the walk begins', async () => {
    const { repository } = scene;
    while (repository.root.version < 40) repository.publishRoot();
    scene.now += 200 * 86_400_000;
    for (const role of ['timestamp', 'snapshot', 'targets']) repository.document(role).expires = expiry(400);
    repository.root.expires = expiry(900);
    repository.publishRoot();
    repository.publish();
    scene.now += 180 * 86_400_000;
    assert.equal((await scene.refresh()).versions.root, 41);
  });

  it('SPEC-45: walks no more new roots than the limit in one run, says so, and goes on in the next', async () => {
    const { repository } = scene;
    while (repository.root.version < 9) repository.publishRoot();
    const limits = { maxRootRotations: 4 };
    const error = await scene.refused('root-limit', () => scene.refresh({ limits }), [
      'root.json',
      ...[3, 4, 5, 6].map((version) => `roots/${version}.root`),
    ]);
    assert.match(error.message, /root 7 exists, but 4 new roots/);
    assert.deepEqual(
      repository.requests,
      [3, 4, 5, 6, 7].map((version) => `${version}.root.json`),
    );
    // The three that are left are within the limit.
    assert.equal((await scene.refresh({ limits })).versions.root, 9);
  });

  it('SPEC-44: a server that is ill while it is asked for the next root is an error, not the end of the walk', async () => {
    scene.repository.tamper = (name, bytes) => {
      if (name === '3.root.json') throw new Error('broken');
      return bytes;
    };
    await assert.rejects(scene.refresh(), /broken/);
    assert.deepEqual(scene.repository.requests, ['3.root.json']);
  });

  it('makes no request when the embedded root is malformed or badly signed', async () => {
    const root = scene.repository.written('root', 1);
    const altered = new TextEncoder().encode(
      new TextDecoder().decode(root).replace('"version":1', '"version":2'),
    );
    for (const [bytes, code] of [
      [root.subarray(0, 100), 'json-invalid'],
      [altered, 'threshold-not-met'],
      [scene.repository.written('timestamp', 5), 'type-mismatch'],
    ] as const) {
      await scene.refused(code, () => scene.refresh({ trustedRoot: bytes }));
      assert.deepEqual(scene.repository.requests, []);
    }
  });

  it('SPEC-50: persists each root before it asks for the next', async () => {
    const seen: boolean[] = [];
    while (scene.repository.root.version < 5) scene.repository.publishRoot();
    scene.repository.tamper = (name, bytes) => {
      const version = Number.parseInt(name, 10);
      if (name.endsWith('.root.json') && version > 3)
        seen.push(existsSync(join(scene.state, 'roots', `${version - 1}.root`)));
      return bytes;
    };
    await scene.refresh();
    assert.deepEqual(seen, [true, true, true]);
  });
});

interface Step {
  /** Names of root keys and the threshold of this root; signers by name. */
  readonly keys: readonly number[];
  readonly threshold: number;
  readonly signers: readonly number[];
}

const step = (keys: readonly number[], threshold: number, signers: readonly number[]): Step => ({
  keys,
  threshold,
  signers,
});

/** Sequences of roots after the first, and the version at which the client must stand; errors stop it there. */
const sequences: readonly {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly reached: number;
}[] = [
  { name: '1 of 1, same key', steps: [step([1], 1, [1]), step([1], 1, [1])], reached: 2 },
  { name: '1 of 1, key changed, both sign', steps: [step([1], 1, [1]), step([2], 1, [1, 2])], reached: 2 },
  {
    name: '1 of 1, key changed, old does not sign',
    steps: [step([1], 1, [1]), step([2], 1, [2])],
    reached: 1,
  },
  {
    name: '1 of 1, key changed, new does not sign',
    steps: [step([1], 1, [1]), step([2], 1, [1])],
    reached: 1,
  },
  {
    name: '3 of 5, same keys, same signers',
    steps: [step([1, 2, 3, 4, 5], 3, [2, 4, 1]), step([1, 2, 3, 4, 5], 3, [2, 4, 1])],
    reached: 2,
  },
  {
    name: '3 of 5, same keys, other signers',
    steps: [step([1, 2, 3, 4, 5], 3, [1, 2, 3]), step([1, 2, 3, 4, 5], 3, [3, 4, 5])],
    reached: 2,
  },
  {
    name: '3 of 5, one key changed',
    steps: [step([1, 2, 3, 4, 5], 3, [1, 2, 3]), step([2, 3, 4, 5, 6], 3, [2, 3, 4])],
    reached: 2,
  },
  {
    name: '3 of 5, one key changed, too few old',
    steps: [step([1, 2, 3, 4, 5], 3, [1, 2, 3]), step([1, 2, 4, 5, 6], 3, [1, 2, 6])],
    reached: 1,
  },
  {
    name: '3 of 5, one key changed, too few new',
    steps: [step([1, 2, 3, 4, 5], 3, [1, 2, 3]), step([2, 3, 4, 5, 6], 3, [1, 2, 3])],
    reached: 1,
  },
  {
    name: '3 of 5, all keys changed',
    steps: [step([1, 2, 3, 4, 5], 3, [1, 2, 3]), step([6, 7, 8, 9, 10], 3, [1, 2, 3, 6, 7, 8])],
    reached: 2,
  },
  {
    name: '3 of 5, all keys changed, one new missing',
    steps: [step([1, 2, 3, 4, 5], 3, [1, 2, 3]), step([6, 7, 8, 9, 10], 3, [1, 2, 3, 6, 7])],
    reached: 1,
  },
  {
    name: '3 of 5, all keys changed, one old missing',
    steps: [step([1, 2, 3, 4, 5], 3, [1, 2, 3]), step([6, 7, 8, 9, 10], 3, [1, 2, 6, 7, 8])],
    reached: 1,
  },
  {
    name: 'threshold up, reached',
    steps: [step([1, 2, 3], 1, [1]), step([1, 2, 3], 3, [1, 2, 3])],
    reached: 2,
  },
  {
    name: 'threshold up, not reached',
    steps: [step([1, 2, 3], 1, [1]), step([1, 2, 3], 3, [1, 2])],
    reached: 1,
  },
  {
    name: 'threshold down, old one reached',
    steps: [step([1, 2, 3], 3, [1, 2, 3]), step([1, 2, 3], 1, [1, 2, 3])],
    reached: 2,
  },
  {
    name: 'threshold down, only new one reached',
    steps: [step([1, 2, 3], 3, [1, 2, 3]), step([1, 2, 3], 1, [1])],
    reached: 1,
  },
  {
    name: 'several steps, each signed by its neighbours',
    steps: [step([1], 1, [1]), step([2], 1, [1, 2]), step([3], 1, [2, 3]), step([1], 1, [1, 3])],
    reached: 4,
  },
  {
    name: 'a step that skips its neighbour',
    steps: [step([1], 1, [1]), step([2], 1, [1, 2]), step([3], 1, [1, 3])],
    reached: 2,
  },
];

describe('root rotation sequences', () => {
  const keys = signingKeys('sequence', 10);
  const key = (number: number): SigningKey => keys[number - 1] ?? assert.fail(`no key ${number}`);

  for (const { name, steps, reached } of sequences) {
    it(`TUF-03: ${name}: ends at root ${reached}`, async () => {
      const scene = new ClientScene();
      try {
        for (const [index, { keys: numbers, threshold, signers }] of steps.entries()) {
          scene.repository.root.version = index + 1;
          scene.repository.setKeys('root', numbers.map(key), threshold);
          scene.repository.write('root', signers.map(key));
        }
        if (steps.length === 1) scene.repository.files.delete('2.root.json');
        const ended = scene.refresh();
        if (reached === steps.length) assert.equal((await ended).versions.root, reached);
        else await assert.rejects(ended, { code: 'threshold-not-met' });
        const newest = reached === 1 ? 1 : reached;
        assert.deepEqual(new Uint8Array(scene.stored('root.json')), scene.repository.written('root', newest));
      } finally {
        await scene.close();
      }
    });
  }
});
