import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatSigningRequest } from '../../src/signer/ceremony/request-format.ts';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { formatManifest } from '../../src/waves/manifest.ts';
import { board, delegationsJson, rootJson, signed, targetsJson } from '../support/ceremony.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';
import { startPlainServer } from '../support/plain-server.ts';
import { changedTargets, delegatedRole, manifestAfter } from '../support/review-scenes.ts';

describe('tidegate inspect and diff', () => {
  let line: CommandLine;

  before(async () => {
    line = commandLine(Date.parse('2026-11-24T12:00:00Z'));
    line.environment.TIDEGATE_WORKSPACE = 'acme';
    assert.equal((await line.type('init acme --insecure-development-keys')).status, 0);
    for (const version of ['1.0.0', '1.1.0']) {
      write(`disk-${version}.img`, new TextEncoder().encode(`image ${version}`));
      assert.equal((await line.type(`release add disk-${version}.img --version ${version}`)).status, 0);
      assert.equal((await line.type('publish')).status, 0);
      cpSync(join(line.directory, 'acme', 'repository'), join(line.directory, version), { recursive: true });
    }
  });

  after(() => line.end());

  function write(name: string, bytes: Uint8Array): void {
    writeFileSync(join(line.directory, name), bytes);
  }

  it('two repositories: 1 and what differs, 0 when nothing does', async () => {
    const differing = await line.type('diff 1.0.0 1.1.0');
    assert.equal(differing.status, 1);
    assert.match(differing.out, /^root is the same\ntargets differs\n {2}version 1 → 2/);
    assert.match(differing.out, /^ {4}\+ disk-1\.1\.0\.img$/m);
    assert.match(differing.out, /^timestamp differs$/m);
    assert.match(differing.out, /^ {4}\+ release demo x86_64 1\.1\.0$/m);
    assert.match(differing.out, /seeds above 0, up to 1 % of hosts$/m);
    const same = await line.type('diff 1.1.0 1.1.0 --json');
    assert.equal(same.status, 0);
    assert.equal((same.json() as { differs: boolean }).differs, false);
  });

  it('two files, and files that cannot be compared', async () => {
    write('1.root.json', await signed(rootJson(1, board), ['alice', 'bob']));
    write('2.root.json', await signed(rootJson(2, { root: { keys: ['bob', 'carol'], threshold: 1 } }), []));
    const { status, out } = await line.type('diff 1.root.json 2.root.json');
    assert.equal(status, 1);
    assert.match(out, /~ root: 2 of 3 → 1 of 2/);
    const data = (await line.type('diff 1.root.json 2.root.json --json')).json() as {
      documents: { name: string; state: string; difference: { version: unknown } }[];
    };
    assert.deepEqual(data.documents[0]?.difference.version, { before: 1, after: 2 });
    const key = await line.type('diff 1.root.json acme/keys/root-1.pub');
    assert.equal(key.status, 64);
    assert.match(key.beside, /acme\/keys\/root-1\.pub is no metadata/);
    assert.equal((await line.type('diff 1.root.json missing.json')).status, 69);
  });

  it('metadata with the signatures that verify, by the keys of a root', async () => {
    const metadata = 'acme/repository/metadata';
    const root = await line.type(`inspect ${metadata}/1.root.json --keys acme/keys`);
    assert.match(root.out, /root-1 \(as your own keys say\)/);
    assert.match(root.out, /2 of 2 by its own root keys/);
    const unknown = await line.type(`inspect ${metadata}/timestamp.json`);
    assert.match(unknown.out, /not checked: no key at hand/);
    const known = await line.type(`inspect ${metadata}/timestamp.json --root ${metadata}/1.root.json --json`);
    const { thresholds, days_left: days } = known.json() as {
      thresholds: { have: number }[];
      days_left: number;
    };
    assert.equal(thresholds[0]?.have, 1);
    assert.equal(days, 7);
    const text = readFileSync(join(line.directory, metadata, 'timestamp.json'), 'utf8');
    write('forged.json', new TextEncoder().encode(text.replace('"version": 2', '"version": 3')));
    const forged = await line.type(`inspect forged.json --root ${metadata}/1.root.json`);
    assert.match(forged.out, /DOES NOT VERIFY\n {4}0 of 1 by root 1's timestamp keys/);
  });

  it('a delegated role by its delegator, and what is not sound', async () => {
    const delegations = delegationsJson([
      { name: 'firmware', keys: ['dave', 'erin'], threshold: 2, paths: ['*'] },
    ]);
    write('delegating.json', await signed(targetsJson(3, { delegations }), ['targets-1']));
    write('firmware.json', await signed(targetsJson(1), ['erin']));
    const delegated = await line.type('inspect firmware.json --delegator delegating.json');
    assert.match(delegated.out, /1 of 2 by the keys that version 3 delegates firmware to/);
    write('odd.json', await signed(targetsJson(1, { expires: 'never' }), []));
    const odd = await line.type('inspect odd.json');
    assert.equal(odd.status, 0);
    assert.match(odd.out, /NOT SOUND: odd\.json: signed\.expires should be a time/);
    assert.match(odd.out, /signatures: none/);
  });

  it('keys by their public half, manifests, and nothing else', async () => {
    const key = await line.type('inspect acme/keys/root-1.key.json');
    assert.match(key.out, /a private key file, NOT ENCRYPTED\n {2}ed25519\n {2}key [0-9a-f]{64}\n {2}words /);
    const half = await line.type('inspect acme/keys/root-1.pub --json');
    const whole = await line.type('inspect acme/keys/root-1.key.json --json');
    assert.equal((half.json() as { hash: string }).hash, (whole.json() as { hash: string }).hash);
    assert.ok(
      !whole.out.includes(
        JSON.parse(readFileSync(join(line.directory, 'acme/keys/root-1.key.json'), 'utf8')).secret,
      ),
    );
    write('manifest.json', formatManifest(manifestAfter));
    const manifest = await line.type('inspect manifest.json');
    assert.match(manifest.out, /2026-12-01T09:00:00Z {2}to 2026-12-02T09:00:00Z {2}seeds above 0/);
    const data = (await line.type('inspect manifest.json --json')).json() as {
      releases: { waves: unknown }[];
    };
    assert.deepEqual(Object.keys(data.releases[1]?.waves ?? {}), ['0', '20', '1024']);
    write('image.json', new TextEncoder().encode('{"an": "image"}'));
    assert.equal((await line.type('inspect image.json')).status, 65);
    assert.equal((await line.type('inspect disk-1.0.0.img')).status, 65);
  });

  it('files and repositories at an address', async () => {
    const server = await startPlainServer(new DirectoryStore(join(line.directory, '1.1.0')));
    try {
      const file = await line.type(`inspect ${server.origin}/metadata/timestamp.json`);
      assert.equal(file.status, 0, file.beside);
      assert.match(file.out, /TUF metadata of the type timestamp/);
      assert.equal((await line.type(`diff ${server.origin} 1.1.0`)).status, 0);
      assert.equal((await line.type(`diff 1.0.0 ${server.origin}`)).status, 1);
      const snapshots = `1.0.0/metadata/1.snapshot.json ${server.origin}/metadata/2.snapshot.json`;
      assert.equal((await line.type(`diff ${snapshots}`)).status, 1);
      assert.equal((await line.type(`inspect ${server.origin}/none.json`)).status, 69);
    } finally {
      await server.close();
    }
  });

  it('two signing requests, and what one says', async () => {
    write('a.request.json', formatSigningRequest(await changedTargets()));
    write('b.request.json', formatSigningRequest(await delegatedRole()));
    const { status, out } = await line.type('diff b.request.json a.request.json');
    assert.equal(status, 1);
    assert.match(out, /^targets differs\n {2}version 1 → 7/);
    const request = await line.type('inspect a.request.json');
    assert.match(request.out, /^targets 7 of acme\/os/);
    assert.equal(
      ((await line.type('inspect a.request.json --json')).json() as { kind: string }).kind,
      'request',
    );
  });

  it('a repository as python-tuf wrote it: no versions in names, the root in the snapshot', async () => {
    const meta = { 'root.json': { version: 1 }, 'targets.json': { version: 1 } };
    const head = { targets: undefined };
    const files = {
      'root.json': rootJson(1, board),
      'targets.json': targetsJson(1),
      'snapshot.json': targetsJson(1, { ...head, _type: 'snapshot', meta }),
      'timestamp.json': targetsJson(1, {
        ...head,
        _type: 'timestamp',
        meta: { 'snapshot.json': { version: 1 } },
      }),
    };
    mkdirSync(join(line.directory, 'old'));
    for (const [name, document] of Object.entries(files)) write(`old/${name}`, await signed(document, []));
    const { status, out } = await line.type('diff old old');
    assert.equal(status, 0);
    assert.equal(
      out,
      ['root', 'targets', 'snapshot', 'timestamp'].map((role) => `${role} is the same\n`).join(''),
    );
  });

  it('the last root, in whatever version the chain begins and however long it is; never no root in silence', async () => {
    const snapshot = targetsJson(1, {
      targets: undefined,
      _type: 'snapshot',
      meta: { 'targets.json': { version: 1 } },
    });
    const timestamp = targetsJson(1, {
      targets: undefined,
      _type: 'timestamp',
      meta: { 'snapshot.json': { version: 1 } },
    });
    const chain = async (folder: string, versions: readonly number[]): Promise<void> => {
      mkdirSync(join(line.directory, folder));
      write(`${folder}/targets.json`, await signed(targetsJson(1), []));
      write(`${folder}/snapshot.json`, await signed(snapshot, []));
      write(`${folder}/timestamp.json`, await signed(timestamp, []));
      for (const version of versions)
        write(`${folder}/${version}.root.json`, await signed(rootJson(version, board), []));
    };
    const upTo = (last: number): readonly number[] => Array.from({ length: last }, (_, index) => index + 1);
    await chain('late', [5, 6]);
    await chain('later', [5, 6, 7]);
    await chain('long', upTo(258));
    await chain('longer', upTo(259));
    await chain('rootless', []);
    for (const [before, after] of ['late later 6 7', 'long longer 258 259'].map((row) => {
      const [a, b, from, to] = row.split(' ');
      return [`${a} ${b}`, `${from} → ${to}`] as const;
    })) {
      const { status, out } = await line.type(`diff ${before}`);
      assert.deepEqual([status, out.includes(`root differs\n  version ${after}`)], [1, true], out);
    }
    const { status, beside } = await line.type('diff rootless rootless');
    assert.deepEqual([status, /rootless: no root: found none/.test(beside)], [69, true]);
  });
});
