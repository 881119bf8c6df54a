/** Roles that targets delegates to, in the life of a repository: empty or not, they are kept fresh like all others. */
import assert from 'node:assert/strict';
import { formatJson } from '../../src/metadata/json-writer.ts';
import { checkExpirations, placesOfWorkspace, readPlaces } from '../../src/signer/expiry/expiration-check.ts';
import { noThresholds } from '../../src/signer/expiry/thresholds.ts';
import { developmentKeyFile } from '../../src/signer/keys/key-file.ts';
import { generatePrivateKey, signingKeyOf } from '../../src/signer/keys/signing-key.ts';
import { refreshRepositories } from '../../src/signer/refresh.ts';
import { statusOf, workspaceStatusOf } from '../../src/signer/status.ts';
import type { Workspace } from '../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import { readPlainFile } from '../../src/storage/plain-file.ts';
import type { MemoryFileSystem } from '../support/memory-file-system.ts';
import {
  addVersion,
  day,
  directory,
  open,
  planAndPublish,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from '../support/workspace.ts';

const delegation = `
[[delegations]]
name = "extras"
keys = ["extras-key"]
threshold = 1
paths = ["extra-*"]
`;

interface Site {
  readonly disk: MemoryFileSystem;
  readonly workspace: Workspace;
}

/** A published repository with an empty delegated role. */
async function site(): Promise<Site> {
  const disk = await workspaceDisk();
  const key = await generatePrivateKey('ed25519');
  const { json } = signingKeyOf(key, 'extras-key');
  await putFile(disk, `${directory}/keys/extras-key.pub`, formatJson(json));
  await putFile(disk, `${directory}/keys/extras-key.key.json`, developmentKeyFile(key, 'extras-key'));
  const toml = await readPlainFile(disk, `${directory}/tidegate.toml`, 1e6);
  const text = Buffer.from(toml?.bytes ?? '').toString();
  await putFile(disk, `${directory}/tidegate.toml`, text + delegation);
  const workspace = await open(disk, new MemoryStore());
  await addVersion(workspace, '1.0.0');
  await planAndPublish(workspace, start);
  return { disk, workspace };
}

const roleOf = async (workspace: Workspace, now: number) =>
  (await statusOf(workspace, { now }))[0]?.roles.find(({ role }) => role === 'extras');

describe('signer/refresh: delegated roles', () => {
  it('PUB-23: an empty one is signed anew at half of its life, like the others', async () => {
    const { workspace } = await site();
    const before = await roleOf(workspace, start);
    assert.deepEqual(
      [before?.version, before?.delegator, before?.state, before?.signatures],
      [1, 'targets', 'good', { have: 1, need: 1, by: ['extras-key'], without: [] }],
    );
    const late = start + 91 * day;
    assert.equal((await roleOf(workspace, late))?.state, 'due');
    const [result] = await refreshRepositories(workspace, { now: late, unlock });
    assert.deepEqual(result?.roles.toSorted(), ['extras', 'snapshot', 'targets', 'timestamp']);
    const after = await roleOf(workspace, late);
    assert.deepEqual([after?.version, after?.state, after?.remaining], [2, 'good', 182 * day]);
    const [again] = await refreshRepositories(workspace, { now: late, unlock });
    assert.equal(again?.outcome, 'current');
  });

  it('PUB-23: comes back after it has expired', async () => {
    const { workspace } = await site();
    const late = start + 200 * day;
    assert.equal((await roleOf(workspace, late))?.state, 'expired');
    await refreshRepositories(workspace, { now: late, unlock });
    assert.equal((await roleOf(workspace, late))?.state, 'good');
  });

  it('waits for its own keys where they are in a safe, and holds nothing else up', async () => {
    const { disk, workspace } = await site();
    await disk.unlink(`${directory}/keys/extras-key.key.json`);
    const late = start + 91 * day;
    const [result] = await refreshRepositories(workspace, { now: late, unlock });
    assert.deepEqual([result?.waiting, result?.roles], [['extras'], ['targets', 'snapshot', 'timestamp']]);
    const { repositories, next } = await workspaceStatusOf(workspace, { now: late });
    assert.deepEqual(repositories[0]?.waiting, ['extras']);
    assert.deepEqual(next, ['tidegate targets propose --role extras']);
  });

  it('PUB-24: is named by the check for monitoring', async () => {
    const { workspace } = await site();
    const repositories = await readPlaces(await placesOfWorkspace(workspace));
    const check = (at: number) =>
      checkExpirations(repositories, { at, validity: workspace.expiration, ...noThresholds }).roles.find(
        ({ role }) => role === 'extras',
      )?.level;
    assert.deepEqual(
      [check(start), check(start + 122 * day), check(start + 152 * day), check(start + 182 * day)],
      ['ok', 'warning', 'critical', 'critical'],
    );
  });
});
