import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { refreshOf, usualFleet } from '../../../src/waves/simulation/fleet-model.ts';
import { ClientScene } from '../../support/client-scene.ts';

/** What the simulation assumes of a host's requests is what the client of the agent asks, one process for each check. */
describe('waves/simulation beside a real host', () => {
  let scene: ClientScene;
  const host = { variant: 'demo', arch: 'x86_64', version: '1.1.0', seed: 7 };
  beforeEach(() => {
    scene = new ClientScene();
  });
  afterEach(() => scene.close());

  async function check(): Promise<number> {
    scene.repository.requests.length = 0;
    const client = scene.client();
    await client.refresh();
    await client.choose(host);
    await client.updates(host);
    return scene.repository.requests.length;
  }

  it('asks as often when nothing is new, and when something is', async () => {
    await check();
    const quiet = refreshOf(usualFleet).requests;
    assert.equal(await check(), quiet, scene.repository.requests.join(' '));
    scene.repository.addTarget('manifest.json', new TextEncoder().encode('{"updates":[],"migrations":{}}'));
    scene.repository.publish('targets');
    assert.equal(await check(), quiet + usualFleet.change.requests, scene.repository.requests.join(' '));
    assert.equal(await check(), quiet);
  });

  it('believes nothing of a stored manifest that is not the signed one', async () => {
    await check();
    const path = join(scene.state, 'manifest.kept');
    const bytes = readFileSync(path);
    for (const damaged of [
      bytes.subarray(1),
      Buffer.concat([bytes, bytes]),
      Buffer.alloc(bytes.length, 32),
    ]) {
      writeFileSync(path, damaged);
      assert.equal(await check(), refreshOf(usualFleet).requests + 1);
      assert.deepEqual(readFileSync(path), bytes);
    }
    rmSync(path);
    mkdirSync(path);
    assert.equal(await check(), refreshOf(usualFleet).requests + 1);
    assert.deepEqual(readFileSync(path), bytes);
  });
});
