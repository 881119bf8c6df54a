/** Whatever becomes of the files of a host, it is neither bricked nor tricked. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClientScene } from '../support/client-scene.ts';

const damages: Record<string, (path: string) => void> = {
  truncated: (path) => writeFileSync(path, readFileSync(path).subarray(0, 100)),
  empty: (path) => writeFileSync(path, ''),
  garbage: (path) => writeFileSync(path, Buffer.alloc(600, 0xa5)),
  'bit-flipped': (path) => {
    const bytes = readFileSync(path);
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  },
  'of another role': (path) => writeFileSync(path, readFileSync(join(path, '..', '..', 'state', 'other'))),
  'a folder': (path) => {
    rmSync(path);
    mkdirSync(path);
  },
  missing: (path) => rmSync(path),
  unreadable: (path) => chmodSync(path, 0),
};

describe('damaged state', () => {
  let scene: ClientScene;
  beforeEach(async () => {
    scene = new ClientScene();
    await scene.refresh();
    // A sound document of a wrong role, outside the names that the client knows.
    writeFileSync(join(scene.state, 'other'), scene.repository.written('targets', 5));
  });
  afterEach(() => scene.close());

  for (const [how, damage] of Object.entries(damages)) {
    for (const file of ['root.json', 'roots/2.root']) {
      it(`DSK-02: ${file} ${how}: walks again from the embedded root, keeps the floors, mends the file`, async () => {
        const path = join(scene.state, file);
        if (how === 'of another role') writeFileSync(path, scene.repository.written('targets', 5));
        else damage(path);
        const { versions } = await scene.refresh();
        assert.deepEqual(versions, { root: 2, timestamp: 5, snapshot: 5, targets: 5 });
        assert.deepEqual(new Uint8Array(scene.stored(file)), scene.repository.written('root', 2));
        scene.repository.timestamp.version = 4;
        scene.repository.write('timestamp');
        await assert.rejects(scene.refresh(), { code: 'rollback' });
      });
    }

    for (const role of ['timestamp', 'snapshot', 'targets']) {
      it(`DSK-04: ${role}.json ${how}: fetched again online, a clear error offline`, async () => {
        const path = join(scene.state, `${role}.json`);
        if (how === 'of another role') writeFileSync(path, scene.repository.written('root', 1));
        else damage(path);
        scene.repository.tamper = () => {
          throw new Error('offline');
        };
        await assert.rejects(scene.refresh(), /offline/);
        scene.repository.tamper = undefined;
        await scene.refresh();
        assert.deepEqual(new Uint8Array(scene.stored(`${role}.json`)), scene.repository.written(role, 5));
      });
    }

    for (const copy of ['floors.1', 'floors.2']) {
      it(`${copy} ${how}: the other copy holds, and mends it`, async () => {
        const sound = scene.stored(copy);
        const spoil = (): void => {
          if (how === 'of another role')
            writeFileSync(join(scene.state, copy), scene.repository.written('root', 1));
          else damage(join(scene.state, copy));
        };
        spoil();
        scene.repository.timestamp.version = 4;
        scene.repository.write('timestamp');
        await assert.rejects(scene.refresh(), { code: 'rollback' });
        spoil();
        scene.repository.timestamp.version = 5;
        scene.repository.write('timestamp');
        const { notes } = await scene.refresh();
        assert.equal(scene.stored(copy).length, sound.length);
        // Root reads what others may not.
        if (how !== 'missing' && how !== 'unreadable') assert.match(notes[0]?.message ?? '', /floors/);
      });
    }
  }

  it('both copies of the floors damaged: stops, says what to do, changes nothing', async () => {
    for (const copy of ['floors.1', 'floors.2']) writeFileSync(join(scene.state, copy), 'rubbish');
    const error = await scene.refused('state-damaged', () => scene.refresh());
    assert.match(error.message, /remove both to begin anew/);
    for (const copy of ['floors.1', 'floors.2']) rmSync(join(scene.state, copy));
    assert.equal((await scene.refresh()).versions.timestamp, 5);
  });

  it('floors that are gone altogether are read back from the stored timestamp and snapshot', async () => {
    for (const copy of ['floors.1', 'floors.2']) rmSync(join(scene.state, copy));
    scene.repository.timestamp.version = 4;
    scene.repository.write('timestamp');
    await assert.rejects(scene.refresh(), { code: 'rollback' });
  });

  it('DSK-02: says what it did about a damaged root', async () => {
    writeFileSync(join(scene.state, 'roots', '2.root'), 'rubbish');
    const { notes } = await scene.refresh();
    assert.match(notes[0]?.message ?? '', /Stored root 2 cannot be used and is fetched again/);
  });

  it('a stored root that a stranger made is not walked over', async () => {
    const other = new ClientScene();
    try {
      writeFileSync(join(scene.state, 'roots', '3.root'), other.repository.publishRoot());
      scene.repository.publishRoot();
      scene.repository.root['x-ours'] = true;
      scene.repository.publishRoot();
      assert.equal((await scene.refresh()).versions.root, 4);
    } finally {
      await other.close();
    }
  });

  for (const folder of ['roots', '.tidegate-lock']) {
    for (const [kind, put] of [
      ['file', (path: string) => writeFileSync(path, 'rubbish')],
      ['pipe', (path: string) => execFileSync('mkfifo', [path])],
    ] as const) {
      it(`a ${kind} in the place of the folder ${folder} bricks nothing`, async () => {
        const path = join(scene.state, folder);
        rmSync(path, { recursive: true });
        put(path);
        assert.equal((await scene.refresh()).versions.root, 2);
        assert.ok(statSync(path).isDirectory());
        scene.repository.timestamp.version = 4;
        scene.repository.write('timestamp');
        await assert.rejects(scene.refresh(), { code: 'rollback' });
      });
    }
  }

  for (const name of [
    'root.json',
    'timestamp.json',
    'targets.json',
    'floors.1',
    'roots/2.root',
    'roots/3.root',
  ]) {
    it(`DSK-11: a link at ${name} is named and not followed`, async () => {
      const victim = join(scene.folder, 'victim');
      writeFileSync(victim, 'precious');
      rmSync(join(scene.state, name), { force: true });
      symlinkSync(victim, join(scene.state, name));
      scene.repository.publishRoot();
      scene.repository.publish();
      const error = await scene.refresh().then(
        () => assert.fail('the link was not noticed'),
        (reason: Error & { code: string }) => reason,
      );
      assert.equal(error.code, 'not-a-plain-file');
      assert.ok(error.message.includes(join(scene.state, name)), error.message);
      assert.equal(readFileSync(victim, 'utf8'), 'precious');
    });
  }
});
