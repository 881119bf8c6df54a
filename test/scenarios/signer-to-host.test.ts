/** From image files to a host's folder, over a real folder, with both verifiers: the public faces of signer and client alone. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RepositoryClient } from '../../src/client/updater.ts';
import { planPublication } from '../../src/signer/publication/plan-publication.ts';
import { publish } from '../../src/signer/publication/publish.ts';
import { refreshRepositories } from '../../src/signer/refresh.ts';
import { addRelease } from '../../src/signer/release/add-release.ts';
import { statusOf } from '../../src/signer/status.ts';
import { initWorkspace } from '../../src/signer/workspace/init.ts';
import { openWorkspace } from '../../src/signer/workspace/workspace.ts';
import { parseSeed } from '../../src/waves/seed.ts';

const hour = 3_600_000;
const day = 24 * hour;

describe('from the signer to a host', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-signer-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('two releases through their waves, and a refresh without the key of targets', async () => {
    let now = Date.parse('2026-11-24T12:00:00Z');
    const unlock = async () => undefined;
    const directory = join(folder, 'workspace');
    const init = {
      template: 'single',
      name: 'example',
      store: '../public',
      insecureDevelopmentKeys: true,
      now,
    } as const;
    await initWorkspace(directory, init);

    const release = async (version: string): Promise<string> => {
      const workspace = await openWorkspace(directory);
      const image = join(folder, `os-demo-x86_64-${version}.img`);
      writeFileSync(image, Buffer.alloc(2_000_000, version));
      await addRelease(workspace, { images: { image } });
      const plan = await planPublication(workspace, { now });
      await publish(workspace, plan, { now, unlock });
      return image;
    };
    const first = await release('1.0.0');
    const host = (place: number, version: string) => ({
      variant: 'demo',
      arch: 'x86_64',
      version,
      seed: parseSeed(String(place)),
    });
    const client = new RepositoryClient({
      trustedRoot: readFileSync(join(directory, 'roots', '1.root.json')),
      metadata: join(folder, 'public', 'metadata'),
      targets: join(folder, 'public', 'targets'),
      stateDirectory: join(folder, 'state'),
      clock: () => now,
      secondVerifier: 'on',
    });

    assert.deepEqual((await client.choose(host(1, '0.9.0'))).kind, 'none', 'no wave has opened');
    now += 2 * hour;
    const early = await client.choose(host(1, '0.9.0'));
    assert.equal(early.kind === 'update' && early.release.version, '1.0.0');
    const late = await client.choose(host(2000, '0.9.0'));
    assert.equal(late.kind === 'none' && late.reason, 'wave');

    const target = 'os-demo-x86_64-1.0.0.img';
    await client.download(target, join(folder, 'slot'));
    assert.ok(readFileSync(join(folder, 'slot')).equals(readFileSync(first)));

    now += day;
    await release('1.1.0');
    const refreshed = await client.refresh();
    assert.deepEqual(refreshed.versions, { root: 1, timestamp: 2, snapshot: 2, targets: 2 });
    assert.equal(refreshed.repository, 'example');

    now += 6 * day;
    rmSync(join(directory, 'keys', 'targets.key.json'));
    await refreshRepositories(await openWorkspace(directory), { now, unlock });
    const newest = await client.choose(host(1, '1.0.0'));
    assert.equal(newest.kind === 'update' && newest.release.version, '1.1.0');
    assert.equal((await client.refresh()).versions.timestamp, 3);
    const [status] = await statusOf(await openWorkspace(directory), { now });
    assert.equal(status?.next, undefined);
    await client.close();
  });
});
