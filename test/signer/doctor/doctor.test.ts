import assert from 'node:assert/strict';
import { serve } from '../../../src/server/serve.ts';
import { type ExamineOptions, examine } from '../../../src/signer/doctor/examine.ts';
import { type CheckName, type Finding, worstLevel } from '../../../src/signer/doctor/finding.ts';
import { absenceFinding, cacheLife, headerFindings } from '../../../src/signer/doctor/header-findings.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import type { Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import type { SwappableStore } from '../../../src/storage/store.ts';
import { withS3 } from '../../support/s3-scene.ts';
import { StorageReplay } from '../../support/storage-replay.ts';
import { copyOfStore } from '../../support/stored-files.ts';
import {
  addVersion,
  copyOf,
  day,
  hour,
  open,
  planAndPublish,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

function of(findings: readonly Finding[], check: CheckName): readonly Finding[] {
  return findings.filter((finding) => finding.check === check);
}

function levels(findings: readonly Finding[], check: CheckName): readonly string[] {
  return of(findings, check).map(({ level }) => level);
}

async function remove(store: SwappableStore, name: string): Promise<void> {
  assert.equal(await store.remove(name, (await store.stat(name))?.etag ?? ''), 'removed');
}

async function scene(store: SwappableStore = new MemoryStore()): Promise<Workspace> {
  const workspace = await open(await workspaceDisk(), store);
  await addVersion(workspace, '1.0.0');
  await planAndPublish(workspace, start);
  await addVersion(workspace, '1.1.0');
  await planAndPublish(workspace, start + hour);
  return workspace;
}

async function look(
  workspace: Workspace,
  options: Partial<ExamineOptions> = {},
): Promise<readonly Finding[]> {
  return await examine(workspace, { now: start + 2 * hour, probe: false, ...options });
}

describe('signer/doctor', () => {
  it('finds nothing wrong with what we publish and serve, over HTTP too', async () => {
    const workspace = await scene();
    const server = await serve({ store: workspace.store, clock: () => start + 2 * hour });
    try {
      const findings = await look(workspace, { url: server.url, probe: true });
      const troubles = findings.filter(({ level }) => level !== 'ok');
      assert.deepEqual(troubles, []);
      assert.equal(worstLevel(findings), 0);
      assert.equal(of(findings, 'headers').length, 5);
      assert.equal(of(findings, 'files').length, 2);
      assert.equal(of(findings, 'client').length, 2);
      assert.match(of(findings, 'roots')[0]?.found ?? '', /any root from 1 to 1/);
    } finally {
      await server.close();
    }
  });

  it('PUB-05: says "version went down" when store or CDN shows less than was published', async () => {
    const workspace = await scene();
    const backup = await copyOfStore(workspace.store);
    await refreshRepositories(workspace, { now: start + 2 * hour, unlock, force: true });
    const restored = { ...workspace, store: backup };
    const found = of(await look(restored), 'version')[0];
    assert.equal(found?.level, 'fail');
    assert.match(found?.found ?? '', /version went down: timestamp 2, and 3 was published/);
    assert.match(found?.advice ?? '', /must be above 3/);
    const server = await serve({ store: backup, clock: () => start + 2 * hour });
    try {
      const findings = await look(workspace, { url: server.url });
      assert.deepEqual(levels(findings, 'version'), ['ok', 'fail', 'warn']);
      assert.equal(worstLevel(findings), 2);
    } finally {
      await server.close();
    }
  });

  it('PUB-05: says so without this workspace’s memory, by the journal in the store', async () => {
    const workspace = await scene();
    const { store } = workspace;
    const old = await store.read('metadata/timestamp.json', 1e6);
    await refreshRepositories(workspace, { now: start + 2 * hour, unlock, force: true });
    const { etag } = (await store.stat('metadata/timestamp.json')) ?? {};
    await store.swap('metadata/timestamp.json', old?.bytes ?? new Uint8Array(), etag);
    const stranger = await open(await workspaceDisk(), store);
    assert.deepEqual(levels(await look(stranger), 'version'), ['fail']);
  });

  it('PUB-05: a timestamp that is gone is worse than an old one', async () => {
    const workspace = await scene();
    await remove(workspace.store, 'metadata/timestamp.json');
    const findings = await look(workspace);
    assert.deepEqual(levels(findings, 'version'), ['fail']);
    const fresh = await open(copyOf(await workspaceDisk()), new MemoryStore());
    assert.deepEqual(levels(await look(fresh), 'published'), ['warn']);
  });

  it('PUB-18: alarms when a cleaner removed the first root or an old snapshot', async () => {
    const workspace = await scene();
    await remove(workspace.store, 'metadata/1.root.json');
    await remove(workspace.store, 'metadata/1.snapshot.json');
    const findings = await look(workspace);
    assert.match(of(findings, 'roots')[0]?.found ?? '', /missing: root 1/);
    assert.deepEqual(levels(findings, 'roots'), ['fail']);
    assert.deepEqual(levels(findings, 'snapshots'), ['warn']);
    assert.match(of(findings, 'snapshots')[0]?.found ?? '', /snapshot 1,/);
    assert.equal(worstLevel(findings), 2);
  });

  it('PUB-18: alarms when somebody wrote over a root', async () => {
    const workspace = await scene();
    const { etag } = (await workspace.store.stat('metadata/1.root.json')) ?? {};
    await workspace.store.swap('metadata/1.root.json', Buffer.from('{}'), etag);
    assert.match(of(await look(workspace), 'roots')[0]?.found ?? '', /other bytes/);
  });

  it('looks with a shifted clock: a warning by itself, a failure where it was asked for', async () => {
    const workspace = await scene();
    const now = start + 4 * day;
    assert.deepEqual(levels(await look(workspace, { now }), 'later'), ['warn']);
    const asked = await look(workspace, { now, at: now + 5 * day });
    assert.deepEqual([levels(asked, 'later'), worstLevel(asked)], [['fail'], 2]);
    assert.match(of(asked, 'later')[0]?.found ?? '', /^expired: /);
    const expired = await look(workspace, { now: start + 8 * day });
    assert.deepEqual(levels(expired, 'client'), ['fail']);
  });

  it('says that a public address cannot be reached, and goes on', async () => {
    const workspace = await scene();
    const server = await serve({ store: workspace.store });
    await server.close();
    const findings = await look(workspace, { url: server.url });
    assert.ok(levels(findings, 'published').includes('fail'));
    assert.ok(levels(findings, 'client').includes('ok'));
    assert.deepEqual(levels(findings, 'version'), ['ok'], 'nobody knows which timestamp is there');
  });

  it('tells how far regions are behind', async () => {
    const workspace = await scene();
    const region = await copyOfStore(workspace.store);
    await refreshRepositories(workspace, { now: start + 2 * hour, unlock, force: true });
    const findings = await look({ ...workspace, regions: [region, await copyOfStore(workspace.store)] });
    assert.deepEqual(levels(findings, 'regions'), ['warn', 'ok']);
    assert.match(
      of(findings, 'regions')[0]?.found ?? '',
      /1 timestamps behind: 2, and 3 is published; since/,
    );
    const hourLater = await look({ ...workspace, regions: [region] }, { now: start + 3 * hour });
    assert.deepEqual(levels(hourLater, 'regions'), ['warn']);
    const tooLate = await look({ ...workspace, regions: [region] }, { now: start + 3 * hour + 1 });
    assert.deepEqual(levels(tooLate, 'regions'), ['fail']);
  });

  it('PUB-18: sees access control lists that let everybody write, and rules that take away what is published', async () => {
    await withS3({ shownTime: () => start + 2 * hour }, async ({ server, store }) => {
      const workspace = await open(await workspaceDisk(), store);
      await addVersion(workspace, '1.0.0');
      await planAndPublish(workspace, start + 2 * hour);
      let [acl, rules] = ['', ''];
      server.faults = ({ url }) => {
        if (url.includes('?acl'))
          return {
            kind: 'status',
            status: 200,
            code: 'OK',
            body: `<AccessControlPolicy><AccessControlList>${acl}</AccessControlList></AccessControlPolicy>`,
          };
        if (url.includes('?lifecycle'))
          return {
            kind: 'status',
            status: 200,
            code: 'OK',
            body: `<LifecycleConfiguration>${rules}</LifecycleConfiguration>`,
          };
        return undefined;
      };
      const said = async (check: CheckName) =>
        of(await look(workspace), check).map(({ level, found }) => `${level}: ${found}`);
      const grant = (group: string, permission: string): string =>
        `<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/${group}</URI></Grantee><Permission>${permission}</Permission></Grant>`;
      acl = grant('AllUsers', 'READ');
      assert.ok(!(await said('policy')).some((text) => /everybody/.test(text)));
      for (const [group, permission] of [
        ['AllUsers', 'WRITE'],
        ['AuthenticatedUsers', 'FULL_CONTROL'],
      ] as const) {
        acl = grant(group, permission);
        assert.ok(
          (await said('policy')).some((text) =>
            text.startsWith('fail: its access control list lets everybody'),
          ),
        );
      }
      acl =
        '<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><ID>all-users</ID></Grantee><Permission>WRITE</Permission></Grant>';
      assert.ok(
        (await said('policy')).some((text) => /everybody/.test(text)),
        'as versitygw says it',
      );
      const rule = (id: string, prefix: string, what: string, status = 'Enabled'): string =>
        `<Rule><ID>${id}</ID><Filter><Prefix>${prefix}</Prefix></Filter><Status>${status}</Status>${what}</Rule>`;
      const uploads = rule(
        'uploads',
        'fleet/',
        '<AbortIncompleteMultipartUpload><DaysAfterInitiation>3</DaysAfterInitiation></AbortIncompleteMultipartUpload>',
      );
      const expires = '<Expiration><Days>365</Days></Expiration>';
      const archive = '<Transition><Days>30</Days><StorageClass>DEEP_ARCHIVE</StorageClass></Transition>';
      assert.match((await said('lifecycle')).join(), /^warn: no rule ends forgotten uploads/);
      rules = uploads + rule('probes', 'fleet/.probe/', expires) + rule('old', 'fleet/', expires, 'Disabled');
      assert.match((await said('lifecycle')).join(), /^ok: /);
      rules = uploads + rule('tidy', '', expires);
      assert.match((await said('lifecycle')).join(), /^fail: .*tidy/);
      rules = uploads + rule('cold', 'fleet/targets/', archive);
      assert.match((await said('lifecycle')).join(), /^fail: .*cold/);
      rules = uploads + rule('roots', 'fleet/metadata/2.', expires);
      assert.match((await said('lifecycle')).join(), /^fail: .*roots/);
    });
  });

  it('sees a clock that the store contradicts, and says why garbage cannot be told', async () => {
    const workspace = await scene();
    const clock = (time: number) => ({
      ...workspace,
      store: Object.assign(new StorageReplay(workspace.store), { storeTime: async () => time }),
    });
    const now = start + 2 * hour;
    for (const [apart, level] of [
      [5, 'ok'],
      [-5, 'ok'],
      [6, 'warn'],
      [-6, 'warn'],
    ] as const)
      assert.deepEqual(levels(await look(clock(now + (apart * hour) / 60)), 'clock'), [level]);
    await workspace.store.create('other/x86_64/timestamp.json', Buffer.from('{}'));
    const findings = await look(workspace);
    assert.deepEqual(levels(findings, 'garbage'), ['warn']);
    assert.match(of(findings, 'garbage')[0]?.found ?? '', /cannot be told: other\/x86_64/);
    assert.deepEqual(levels(findings, 'client'), ['ok']);
  });

  it('PUB-01: says which listed files are gone', async () => {
    const workspace = await scene();
    for await (const { name, etag } of workspace.store.list('targets/'))
      if (name.endsWith('1.0.0.img')) await workspace.store.remove(name, etag);
    const [found] = of(await look(workspace), 'files');
    assert.deepEqual([found?.level, /1 of 3 .*1\.0\.0\.img/.test(found?.found ?? '')], ['fail', true]);
  });

  it('reads the policy and the settings of a bucket, and counts uploads that were left open', async () => {
    const now = start + 2 * hour;
    let shown = start;
    await withS3({ shownTime: () => shown }, async ({ server, store }) => {
      const workspace = await open(await workspaceDisk(), store);
      await addVersion(workspace, '1.0.0');
      await planAndPublish(workspace, start);
      shown = now;
      server.openUploads.set('old', { key: `fleet/targets/${'a'.repeat(64)}.image`, begun: now - 4 * day });
      server.openUploads.set('new', { key: `fleet/targets/${'b'.repeat(64)}.image`, begun: now - day });
      let policy = '';
      server.faults = ({ url }) => {
        if (url.includes('policy')) {
          return policy === ''
            ? { kind: 'status', status: 404, code: 'NoSuchBucketPolicy' }
            : { kind: 'status', status: 200, code: 'OK', body: policy };
        }
        if (!url.includes('versioning')) return undefined;
        const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
        return { kind: 'status', status: 200, code: 'OK', body };
      };
      const findings = await look(workspace);
      assert.match(of(findings, 'policy')[0]?.found ?? '', /there is none/);
      assert.deepEqual(levels(findings, 'versioning'), ['ok']);
      assert.match(of(findings, 'uploads')[0]?.found ?? '', /^1 uploads/);
      assert.deepEqual(levels(findings, 'clock'), ['ok']);
      const said = async (statements: readonly object[]) => {
        policy = JSON.stringify({ Statement: statements });
        return of(await look(workspace), 'policy')[0];
      };
      const role = { AWS: 'arn:aws:iam::1:role/publisher' };
      const allowed = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
      const narrow = await said([{ ...allowed, Principal: role }]);
      assert.match(narrow?.found ?? '', /not denied: fleet\/targets/);
      for (const Principal of ['*', { AWS: '*' }, { AWS: ['*', role.AWS] }]) {
        const everybody = await said([{ ...allowed, Principal }]);
        assert.deepEqual(
          [everybody?.level, everybody?.found.includes('everybody write: s3:PutObject')],
          ['fail', true],
        );
      }
      const fewer = { Effect: 'Deny', Principal: role, Action: 's3:PutObject', Resource: '*' };
      const Condition = { Null: { 's3:if-none-match': 'true', 's3:if-match': 'true' } };
      assert.match((await said([{ ...fewer, Condition }]))?.found ?? '', /not denied/, 'of one role alone');
    });
  });
});

describe('signer/doctor: headers', () => {
  const where = 'https://updates.example.com/x';
  const answer = (headers: Record<string, string>, status = 200) => ({ where, status, headers });
  const json = { 'content-type': 'application/json' };

  it('PUB-25: exact content types, no Content-Encoding, immutable for versioned names, short for the timestamp', () => {
    const level = (kind: 'timestamp' | 'versioned' | 'target', headers: Record<string, string>) =>
      headerFindings(kind, answer(headers)).map((finding) => finding.level);
    const long = 'public, max-age=31536000, immutable';
    assert.deepEqual(level('timestamp', { ...json, 'cache-control': 'public, max-age=60' }), ['ok']);
    assert.deepEqual(level('timestamp', { ...json, 'cache-control': 'no-store' }), ['ok']);
    assert.deepEqual(level('timestamp', { ...json, 'cache-control': 'max-age=600' }), ['warn']);
    assert.deepEqual(level('timestamp', { ...json, 'cache-control': long }), ['fail']);
    assert.deepEqual(level('timestamp', json), ['warn']);
    assert.deepEqual(level('versioned', { ...json, 'cache-control': long }), ['ok']);
    assert.deepEqual(level('versioned', { ...json, 'cache-control': 'max-age=60' }), ['warn']);
    assert.deepEqual(level('versioned', json), ['warn']);
    assert.deepEqual(level('versioned', { 'content-type': 'text/html', 'cache-control': long }), ['warn']);
    assert.deepEqual(level('target', { 'cache-control': long }), ['warn']);
    assert.deepEqual(level('target', { 'content-type': 'application/octet-stream', 'cache-control': long }), [
      'ok',
    ]);
    assert.deepEqual(level('versioned', { ...json, 'cache-control': long, 'content-encoding': 'gzip' }), [
      'fail',
    ]);
    assert.deepEqual(
      headerFindings('target', answer({}, 403)).map((finding) => finding.level),
      ['fail'],
    );
  });

  it('PUB-25: the absence of the next root is 404, and kept for seconds', () => {
    const level = (status: number, control?: string) =>
      absenceFinding(answer(control === undefined ? {} : { 'cache-control': control }, status)).level;
    assert.equal(level(404, 'max-age=10'), 'ok');
    assert.equal(level(410, 'no-store'), 'ok');
    assert.equal(level(404, 'max-age=86400'), 'warn');
    assert.equal(level(404), 'warn');
    assert.equal(level(403), 'warn');
    assert.equal(level(200), 'fail');
    assert.equal(level(500), 'fail');
  });

  it('reads Cache-Control as shared caches do', () => {
    assert.equal(cacheLife('max-age=5, s-maxage=7'), 7);
    assert.equal(cacheLife('private, max-age=5'), 0);
    assert.equal(cacheLife('max-age=soon'), undefined);
    assert.equal(cacheLife(undefined), undefined);
  });
});
