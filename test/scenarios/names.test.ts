/** Names that would be paths: of roles and of targets. Files stay inside, addresses stay below, odd names are encoded. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { ClientScene } from '../support/client-scene.ts';
import { hashesOf } from '../support/simulated-documents.ts';

const bytes = new TextEncoder().encode('the bytes of a target');

describe('names', () => {
  let scene: ClientScene;
  let server: Server;
  let origin: string;
  let asked: string[];
  beforeEach(async () => {
    scene = new ClientScene();
    asked = [];
    // Serves by the address as it was sent, as the conformance suite does.
    server = createServer((request, response) => {
      const address = request.url ?? '';
      asked.push(address);
      const { files, targetFiles } = scene.repository;
      const found = address.startsWith('/targets/')
        ? targetFiles.get(address.slice(9).split('/').map(decodeURIComponent).join('/'))
        : files.get(address.slice('/metadata/'.length));
      if (found === undefined) response.writeHead(404).end();
      else response.writeHead(200, { 'content-length': found.length }).end(found);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    origin = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : assert.fail();
  });
  afterEach(async () => {
    await scene.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const client = () =>
    scene.client({
      metadata: `${origin}/metadata`,
      targets: `${origin}/targets`,
      requireConsistentSnapshot: false,
    });

  const roleNames = [
    '../x',
    '/x',
    'a/b',
    '..',
    '.',
    '?',
    '#',
    '%2e%2e',
    'CON',
    'trailing.',
    'a b',
    'é',
    '%41',
    "it's",
    'x'.repeat(80),
  ];
  for (const consistent of [true, false]) {
    for (const name of roleNames) {
      it(`DEL-08: role ${JSON.stringify(name)}, ${consistent ? '' : 'in'}consistent: one encoded segment, one file inside`, async () => {
        const { repository } = scene;
        repository.root.consistent_snapshot = consistent;
        repository.publishRoot();
        repository.delegate('targets', name);
        repository.addTarget('found.img', bytes, name);
        repository.publish(name, 'targets');
        const { role } = await client().resolve('found.img');
        assert.equal(role, name);
        const request = asked.at(-1) ?? '';
        const encoded = request.replace(/^\/metadata\/(?:2\.)?(.*)\.json$/, '$1');
        assert.equal(decodeURIComponent(encoded), name);
        assert.ok(!/[/?#]/.test(encoded), request);
        assert.deepEqual(readdirSync(scene.folder), ['state']);
        assert.ok(readdirSync(scene.state).includes(`${encoded}.json`));
        // The stored copy is used the next time.
        asked.length = 0;
        await client().resolve('found.img');
        assert.deepEqual(asked, ['/metadata/4.root.json', '/metadata/timestamp.json']);
      });
    }
  }

  for (const name of ['', 'a\0b', 'a\nb', 'x'.repeat(300)]) {
    it(`DEL-08: role ${JSON.stringify(name.slice(0, 9))} of ${name.length} characters is refused before any request for it`, async () => {
      scene.repository.delegate('targets', name);
      scene.repository.publish('targets');
      await assert.rejects(client().resolve('found.img'), { code: 'role-name-invalid' });
      assert.equal(asked.at(-1), '/metadata/6.targets.json');
    });
  }

  it('DEL-12: a role that is not in the snapshot is named and not asked for', async () => {
    scene.repository.delegate('targets', 'extra');
    scene.repository.publish('targets');
    delete scene.repository.snapshot.meta['extra.json'];
    scene.repository.publishSnapshot();
    const error = await client()
      .resolve('found.img')
      .catch((reason) => reason);
    assert.equal(error.code, 'role-not-in-snapshot');
    assert.match(error.message, /"extra" is not listed in snapshot 7/);
    assert.ok(!asked.some((address) => address.includes('extra')));
  });

  it('DEL-23: delegations are refused where they are not allowed', async () => {
    scene.repository.delegate('targets', 'extra');
    scene.repository.publish('extra', 'targets');
    await assert.rejects(scene.refresh({ allowDelegations: false }), { code: 'delegations-not-allowed' });
  });

  for (const path of [
    '%2e%2e/x',
    'a?b',
    'a#b',
    'a%2fb',
    '-rf',
    '~user',
    'dir/sub dir/é.img',
    '100%',
    'x'.repeat(300),
    "it's (1)!*",
  ]) {
    it(`DEL-20: target ${JSON.stringify(path.slice(0, 20))}: below the base, encoded, saved where it was told`, async () => {
      scene.repository.addTarget(path, bytes);
      scene.repository.publish();
      const one = client();
      const { urls } = await one.resolve(path);
      const out = join(scene.folder, 'out');
      await one.download(path, out);
      assert.deepEqual(new Uint8Array(readFileSync(out)), bytes);
      assert.ok(asked.at(-1)?.startsWith('/targets/'));
      assert.deepEqual(urls, [`${origin}${asked.at(-1)}`]);
      assert.equal(new URL(urls[0] ?? '').search, '');
    });
  }

  for (const path of [
    '../../m/x',
    '/etc/passwd',
    'a\\b',
    '.',
    '..',
    '',
    'end/',
    'a//b',
    'nul\0',
    'new\nline',
  ]) {
    it(`DEL-20: target ${JSON.stringify(path)} is refused when asked for, and when listed`, async () => {
      await assert.rejects(client().resolve(path), { code: 'target-path-invalid' });
      assert.deepEqual(asked, []);
      scene.repository.targets.targets[path] = { length: bytes.length, hashes: hashesOf(bytes) };
      scene.repository.publish();
      await assert.rejects(client().refresh(), { code: 'document-invalid' });
      assert.ok(!existsSync(join(scene.state, 'targets.json')));
    });
  }
});
