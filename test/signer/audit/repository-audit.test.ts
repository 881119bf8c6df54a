/** The audit as a stranger makes it: everything is read, everything that is wrong is said. */
import assert from 'node:assert/strict';
import { TidegateError } from '../../../src/errors.ts';
import type { AuditPlace } from '../../../src/signer/audit/places.ts';
import type { AuditReport } from '../../../src/signer/audit/report.ts';
import { type AuditOptions, auditRepository } from '../../../src/signer/audit/repository-audit.ts';
import { StoreFolder } from '../../../src/signer/audit/store-folder.ts';
import type { OpenFile, ReadableStore } from '../../../src/storage/store.ts';
import { fixtureImages, fixtureRepository, imageBytes } from '../../support/fixture-repository.ts';
import { RepositorySimulator } from '../../support/repository-simulator.ts';
import { signingKey, signingKeys } from '../../support/signing-keys.ts';
import { expiry } from '../../support/simulated-documents.ts';

function placeOf({ metadata, images }: RepositorySimulator, targets: ReadableStore = images): AuditPlace {
  return {
    name: 'simulated',
    metadata: new StoreFolder(metadata, ''),
    targets: new StoreFolder(targets, ''),
  };
}

async function audit(
  repository: RepositorySimulator,
  options: Partial<AuditOptions> = {},
): Promise<AuditReport> {
  const usual = { now: repository.now, sample: { kind: 'all' } as const, seed: 'test' };
  return await auditRepository(placeOf(repository), { ...usual, ...options });
}

/** Code and message of everything that was found. */
function said({ problems }: AuditReport): readonly string[] {
  return problems.map(({ severity, code, message }) => `${severity} ${code} ${message}`);
}

/** Problems by code, as many as there are. */
const codes = ({ problems }: AuditReport) => {
  const counts: Record<string, number> = {};
  for (const { code } of problems) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
};
const withRoots = (last: number): RepositorySimulator => {
  const repository = fixtureRepository();
  while (repository.root.version < last) repository.publishRoot();
  // The versions before are what hosts in the middle of an update ask for.
  for (let version = 1; version < repository.snapshot.version; version += 1)
    repository.files.set(`${version}.snapshot.json`, new Uint8Array([version]));
  return repository;
};

describe('an audit', () => {
  it('SPEC-83, PUB-10: walks from every root, and reads every role, delegated ones too, and every target', async () => {
    const repository = withRoots(4);
    repository.delegate('targets', 'apps', { paths: ['app-*'] });
    repository.delegate('apps', 'deep', { paths: ['app-deep-*'] });
    repository.addTarget('app-deep-1.img', imageBytes('deep', 5000), 'deep');
    repository.writeAll();
    repository.requests.length = 0;
    const report = await audit(repository, { trustedRoot: repository.written('root', 1), profile: 'strict' });
    assert.deepEqual(said(report), []);
    assert.deepEqual(report.profile, []);
    assert.deepEqual([report.roots, report.stranded, report.origin], [[1, 2, 3, 4], [], 'proven']);
    assert.deepEqual(
      report.roles.map(({ role }) => role),
      ['root', 'timestamp', 'snapshot', 'targets', 'apps', 'deep'],
    );
    assert.deepEqual(
      [report.files.listed, report.files.present, report.files.verified, report.releases],
      [5, 5, 5, 1],
    );
    const wanted = [
      ...repository.files.keys(),
      ...[...repository.targetFiles.keys()].map((name) => `targets/${name}`),
    ];
    for (const name of wanted)
      if (name !== '1.targets.json') assert.ok(repository.requests.includes(name), name);
  });

  it('PUB-10: names the roots from which a host does not come to the last', async () => {
    const repository = withRoots(3);
    repository.setKeys('root', signingKeys('others', 3), 2);
    repository.root.version = 4;
    repository.write('root', repository.signersOf('root'));
    repository.publishRoot();
    const report = await audit(repository);
    assert.deepEqual(
      [report.roots, report.stranded],
      [
        [1, 2, 3, 4, 5],
        [1, 2, 3],
      ],
    );
    assert.deepEqual(codes(report), { 'threshold-not-met': 1 });
    assert.match(said(report)[0] ?? '', /4\.root\.json: 0 of 2 valid signatures by root 3's root keys/);
  });

  it('SPEC-82, PUB-18: names every old root that is gone, and the hosts that it strands', async () => {
    const repository = withRoots(6);
    repository.files.delete('1.root.json');
    repository.files.delete('4.root.json');
    const report = await audit(repository);
    assert.deepEqual(codes(report), { 'not-found': 2 });
    assert.match(said(report)[0] ?? '', /^error not-found 1\.root\.json is missing from memory:/);
    assert.match(
      said(report)[1] ?? '',
      /4\.root\.json is missing.*hosts with a root below 4 can never update again/,
    );
    assert.deepEqual([report.roots, report.stranded, report.origin], [[2, 3, 5, 6], [1, 2, 3], 'unproven']);
    assert.equal(report.files.verified, 4);
  });

  it('PUB-18: names the old snapshots that are gone, without calling the repository broken', async () => {
    const repository = withRoots(2);
    repository.files.delete('2.snapshot.json');
    repository.files.delete('4.snapshot.json');
    const [only, ...others] = said(await audit(repository));
    assert.match(
      only ?? '',
      /^warning not-found earlier snapshots are missing.*: 2\.snapshot\.json, 4\.snapshot\.json;/,
    );
    assert.deepEqual(others, []);
  });

  it('PUB-18: what a clean-up may take is not missed: snapshots before one that has expired', async () => {
    const repository = withRoots(2);
    const fresh = Buffer.from(repository.written('snapshot')).toString();
    const expired = fresh.replace(/"expires":\s*"[^"]*"/, '"expires":"2001-01-01T00:00:00Z"');
    assert.notEqual(expired, fresh);
    const missing = async (present: Readonly<Record<number, string>>): Promise<string | undefined> => {
      for (let version = 1; version < repository.snapshot.version; version += 1) {
        const text = present[version];
        if (text === undefined) repository.files.delete(`${version}.snapshot.json`);
        else repository.files.set(`${version}.snapshot.json`, Buffer.from(text));
      }
      return said(await audit(repository))[0]?.replace(/^.*: (?=\d)|;.*$/g, '');
    };
    assert.equal(await missing({ 3: expired, 4: fresh }), undefined);
    assert.equal(await missing({ 3: expired }), '4.snapshot.json');
    assert.equal(await missing({ 3: fresh, 4: fresh }), '1.snapshot.json, 2.snapshot.json');
    assert.equal(await missing({ 3: 'not JSON', 4: fresh }), '1.snapshot.json, 2.snapshot.json');
  });

  it('asks for no snapshots of before where versions are times', async () => {
    const repository = withRoots(2);
    repository.snapshot.version = 1_800_000_000;
    repository.writeAll();
    assert.deepEqual(said(await audit(repository)), []);
  });

  it('PUB-20: lists every image, role and file that something names and that is not there', async () => {
    const repository = withRoots(2);
    repository.delegate('targets', 'apps', { paths: ['app-*'] });
    repository.delegate('targets', 'unlisted', { paths: ['u-*'] });
    repository.writeAll();
    delete repository.snapshot.meta['unlisted.json'];
    repository.timestamp.meta['snapshot.json'] = repository.metaOf(repository.write('snapshot'), 5);
    repository.write('timestamp');
    repository.files.delete('1.apps.json');
    for (const name of [...repository.targetFiles.keys()])
      if (/boot|hash/.test(name)) repository.targetFiles.delete(name);
    const report = await audit(repository);
    const texts = said(report).join('\n');
    assert.deepEqual(codes(report), { 'not-found': 3, 'role-not-in-snapshot': 1 });
    for (const part of [
      '1.apps.json is missing',
      `.${fixtureImages.boot} is missing`,
      `.${fixtureImages.hash} is missing`,
      'role "unlisted" is not listed',
    ])
      assert.ok(texts.includes(part), `${part} in\n${texts}`);
    assert.deepEqual([report.files.listed, report.files.present, report.files.verified], [4, 2, 2]);
  });

  it('PUB-20: finds a manifest that names an image which no role lists', async () => {
    const repository = withRoots(2);
    delete repository.targets.targets[fixtureImages.root];
    repository.writeAll();
    const report = await audit(repository);
    assert.deepEqual(codes(report), { 'manifest-image-missing': 1 });
    assert.match(said(report)[0] ?? '', /demo x86_64 1\.2\.0: image root: "root-1\.2\.0\.img"/);
  });

  it('reads the manifest and its waves', async () => {
    const repository = withRoots(2);
    const update = {
      variant: 'demo',
      arch: 'x86_64',
      version: '1.2.0',
      max_version: '1.2.0',
      waves: { 7: 'soon' },
      images: fixtureImages,
    };
    repository.addTarget(
      'manifest.json',
      new TextEncoder().encode(JSON.stringify({ updates: [update], migrations: {} })),
    );
    repository.writeAll();
    const report = await audit(repository);
    assert.deepEqual([codes(report), report.releases], [{ 'manifest-invalid': 1 }, undefined]);
  });

  it('says all that is wrong at once, and goes on behind each', async () => {
    const repository = withRoots(2);
    repository.delegate('targets', 'apps', { paths: ['app-*'] });
    repository.addTarget('app-1.img', imageBytes('a', 3000), 'apps');
    repository.addTarget('other.img', imageBytes('o', 3000), 'apps');
    repository.role('apps').expires = expiry(-1);
    repository.timestamp.expires = expiry(-2);
    repository.writeAll();
    repository.tamper = (name, bytes) => {
      if (name.endsWith('app-1.img')) return imageBytes('evil', 3000);
      if (name.endsWith(fixtureImages.boot)) return bytes?.subarray(0, 100);
      return bytes;
    };
    const report = await audit(repository);
    assert.deepEqual(codes(report), {
      expired: 2,
      'length-mismatch': 1,
      'hash-mismatch': 1,
      'target-not-found': 1,
    });
    assert.match(
      said(report).join('\n'),
      /warning target-not-found apps lists 1 targets outside .* other\.img/,
    );
    assert.deepEqual([report.files.listed, report.files.verified], [6, 4]);
  });

  it('finds what no sample of another file can, only where it reads: the same seed reads the same', async () => {
    const repository = withRoots(2);
    for (let index = 0; index < 40; index += 1)
      repository.addTarget(`t${index}.img`, imageBytes(`t${index}`, 64));
    repository.writeAll();
    repository.tamper = (name, bytes) => (name.endsWith('.t7.img') ? imageBytes('evil', 64) : bytes);
    const readAt = async (seed: string) => {
      const report = await audit(repository, { seed, sample: { kind: 'percent', percent: 25, least: 1 } });
      assert.equal(report.files.verified + report.problems.length, 11);
      return said(report);
    };
    const outcomes = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'a'].map(readAt));
    assert.deepEqual(outcomes.at(0), outcomes.at(-1));
    assert.ok(outcomes.some(({ length }) => length === 0) && outcomes.some(({ length }) => length === 1));
  });

  it('SPEC-71: verifies a role for each of those that delegate to it', async () => {
    const repository = withRoots(2);
    const [one, other] = [signingKey('one'), signingKey('other')];
    repository.delegate('targets', 'left', { paths: ['*'] });
    repository.delegate('targets', 'right', { paths: ['*'] });
    repository.delegate('left', 'shared', { paths: ['*'], keys: [one] });
    repository.delegate('right', 'shared', { paths: ['*'], keys: [other] });
    repository.signers.set('shared', [one]);
    repository.writeAll();
    const report = await audit(repository);
    assert.deepEqual(codes(report), { 'threshold-not-met': 1 });
    assert.match(said(report)[0] ?? '', /the keys that right delegates shared to/);
    repository.signers.set('shared', [one, other]);
    repository.writeAll();
    assert.deepEqual(said(await audit(repository)), []);
  });

  it('ends at roles that delegate to each other, and says what nobody delegates', async () => {
    const repository = withRoots(2);
    repository.delegate('targets', 'a', { paths: ['*'] });
    repository.delegate('a', 'b', { paths: ['*'] });
    repository.delegate('b', 'a', { paths: ['*'] });
    repository.writeAll();
    repository.snapshot.meta['stray.json'] = { version: 1 };
    repository.timestamp.meta['snapshot.json'] = repository.metaOf(repository.write('snapshot'), 5);
    repository.write('timestamp');
    const [only, ...others] = said(await audit(repository));
    assert.match(only ?? '', /^warning document-invalid snapshot lists stray\.json/);
    assert.deepEqual(others, []);
  });

  it('reads the hash bins that the snapshot lists', async () => {
    const repository = withRoots(2);
    repository.delegateSuccinct('targets', 3, 'bin');
    repository.writeAll();
    const report = await audit(repository);
    assert.deepEqual([said(report), report.roles.length], [[], 12]);
  });

  it('does not read the same file twice for two roles, and checks it for both', async () => {
    const repository = withRoots(2);
    repository.delegate('targets', 'apps', { paths: ['*'] });
    const bytes = imageBytes(fixtureImages.boot, 9000);
    repository.addTarget(fixtureImages.boot, bytes, 'apps');
    const listed = repository.role('apps').targets[fixtureImages.boot];
    if (listed !== undefined) listed.length += 1;
    repository.writeAll();
    assert.deepEqual(codes(await audit(repository)), { 'length-mismatch': 1 });
  });

  it('SPEC-85: asks for a copy under each listed hash', async () => {
    const repository = withRoots(2);
    const target = repository.targets.targets[fixtureImages.boot];
    if (target !== undefined) target.hashes.sha512 = 'ab'.repeat(64);
    repository.writeAll();
    const report = await audit(repository);
    assert.deepEqual(codes(report), { 'not-found': 1, 'hash-mismatch': 1 });
    assert.match(said(report)[0] ?? '', /abab\.boot-1\.2\.0\.img is missing/);
  });

  it('reads a repository without consistent snapshots, and says what hosts of ours make of it', async () => {
    const repository = new RepositorySimulator({ consistentSnapshot: false });
    repository.addTarget('a.img', imageBytes('a', 100));
    repository.writeAll();
    const report = await audit(repository);
    assert.deepEqual(codes(report), { 'consistent-snapshot-required': 1 });
    assert.deepEqual([report.problems[0]?.severity, report.files.verified], ['warning', 1]);
  });

  it('says that a given root is of another repository, or newer than all that is published', async () => {
    const repository = withRoots(2);
    const other = withOther(2).written('root', 1);
    assert.deepEqual(codes(await audit(repository, { trustedRoot: other })), {
      'identity-mismatch': 1,
      'threshold-not-met': 1,
    });
    const ahead = withRoots(4);
    ahead.files.delete('3.root.json');
    ahead.files.delete('4.root.json');
    const report = await audit(ahead, { trustedRoot: ahead.written('root', 4) });
    assert.deepEqual(codes(report), { rollback: 1 });
    await assert.rejects(audit(repository, { trustedRoot: new Uint8Array(3) }), { code: 'json-invalid' });
  });

  it('judges expiry at the time that it is told', async () => {
    const repository = withRoots(2);
    assert.deepEqual(codes(await audit(repository, { now: repository.now + 8 * 86_400_000 })), {
      expired: 1,
    });
    assert.deepEqual(codes(await audit(repository, { now: repository.now + 400 * 86_400_000 })), {
      expired: 4,
    });
  });

  it('stops at what cannot be believed, and still looks at what does not hang on it', async () => {
    const repository = withRoots(2);
    repository.write('timestamp', [signingKey('stranger')]);
    const report = await audit(repository);
    assert.deepEqual(
      [codes(report), report.roles.length, report.files.listed],
      [{ 'threshold-not-met': 1 }, 1, 0],
    );
    const second = withRoots(2);
    second.files.set('5.snapshot.json', Buffer.from('{}'));
    assert.deepEqual(codes(await audit(second)), { 'length-mismatch': 1 });
    const third = withRoots(3);
    third.files.set('3.root.json', Buffer.from('<html>'));
    const broken = await audit(third);
    assert.deepEqual([codes(broken), broken.stranded], [{ 'not-metadata': 1 }, [1, 2]]);
    const renamed = withRoots(3);
    renamed.files.set('3.root.json', renamed.written('root', 2));
    assert.deepEqual(codes(await audit(renamed)), { 'version-mismatch': 1 });
    const none = withRoots(1);
    for (const name of none.files.keys()) if (name.endsWith('root.json')) none.files.delete(name);
    assert.deepEqual(codes(await audit(none)), { 'not-found': 1 });
  });

  it('PUB-10: names tuf clients that stumble, of old roots too, and of copies in folders', async () => {
    const repository = withRoots(2);
    repository.setKeys('timestamp', [signingKey('old', 'ecdsa p256')]);
    repository.publishRoot();
    repository.setKeys('timestamp', [signingKey('new')]);
    repository.publishRoot();
    repository.addTarget('dir/a.img', imageBytes('a', 10));
    repository.writeAll();
    const rules = (report: AuditReport) => report.profile.map(({ rule, file }) => `${rule} ${file}`);
    assert.deepEqual(rules(await audit(repository, { profile: 'bottlerocket' })), [
      'key-kind 3.root.json',
      'target-copies 5.targets.json',
    ]);
    const { sha256 = '' } = repository.targets.targets['dir/a.img']?.hashes ?? {};
    repository.targetFiles.set(`${sha256}.dir/a.img`, imageBytes('a', 10));
    assert.deepEqual(rules(await audit(repository, { profile: 'bottlerocket' })), ['key-kind 3.root.json']);
  });

  it('PAR-30: escapes what names of an attacker would do to a terminal', async () => {
    const repository = withRoots(2);
    repository.delegate('targets', 'evil\u202erole', { paths: ['x'] });
    repository.addTarget('a\u202egpj.img', imageBytes('a', 10), 'evil\u202erole');
    repository.writeAll();
    repository.snapshot.meta['stray\u202e.json'] = { version: 1 };
    repository.timestamp.meta['snapshot.json'] = repository.metaOf(repository.write('snapshot'), 5);
    repository.write('timestamp');
    for (const name of [...repository.targetFiles.keys()])
      if (name.includes('\u202e')) repository.targetFiles.delete(name);
    const report = await audit(repository, { profile: 'strict' });
    const texts = [...said(report), ...report.profile.map(({ path, found }) => `${path} ${found}`)];
    assert.ok(report.problems.length === 3 && report.profile.length > 0);
    for (const text of texts) assert.ok(!text.includes('\u202e'), JSON.stringify(text));
  });

  it('lists 10,000 problems and no more: a hostile repository could have a million', async () => {
    const repository = withRoots(2);
    const hashes = { sha256: 'ab'.repeat(32) };
    for (let index = 0; index < 10_020; index += 1)
      repository.targets.targets[`t${index}`] = { length: 1, hashes };
    repository.writeAll();
    const { problems } = await audit(repository);
    assert.deepEqual([problems.length, problems.at(-1)?.code], [10_001, 'count-limit']);
  });

  it('is cancelled by its signal', async () => {
    const abort = new AbortController();
    const repository = withRoots(2);
    repository.tamper = (name, bytes) => {
      if (name.startsWith('targets/')) abort.abort();
      return bytes;
    };
    await assert.rejects(audit(repository, { signal: abort.signal }), { code: 'cancelled' });
  });

  it('calls a place without a timestamp no repository', async () => {
    const repository = withRoots(2);
    repository.files.delete('timestamp.json');
    const report = await audit(repository);
    assert.deepEqual([codes(report), report.roots, report.roles], [{ 'not-found': 1 }, [], []]);
  });

  it('reports files that the network failed, and gives up when it is the network', async () => {
    const repository = withRoots(2);
    for (let index = 0; index < 20; index += 1)
      repository.addTarget(`t${index}.img`, imageBytes(`t${index}`, 64));
    repository.writeAll();
    const failing = (pattern: RegExp) => (name: string, bytes: Uint8Array | undefined) => {
      if (pattern.test(name)) throw new TidegateError('too-slow', `${name} stalled`);
      return bytes;
    };
    repository.tamper = failing(/\.t[12]\.img/);
    assert.deepEqual(codes(await audit(repository)), { 'too-slow': 2 });
    repository.tamper = failing(/^targets/);
    await assert.rejects(audit(repository), { code: 'too-slow' });
  });
});

function withOther(last: number): RepositorySimulator {
  const repository = fixtureRepository({ name: 'other' });
  while (repository.root.version < last) repository.publishRoot();
  return repository;
}

/** Targets of one size that are never in memory as a whole. */
class EndlessShelf implements ReadableStore {
  readonly location = 'memory:shelf';
  atOnce = 0;
  most = 0;
  told = true;
  readonly #length: number;
  readonly #piece = new Uint8Array(1024 * 1024);

  constructor(length: number) {
    this.#length = length;
  }

  async read(): Promise<undefined> {
    return undefined;
  }

  async stat(name: string) {
    if (!this.told) throw new TidegateError('store-unsupported', 'no length');
    return { name, length: this.#length, etag: '' };
  }

  async open(name: string): Promise<OpenFile> {
    return { name, length: this.told ? this.#length : undefined, etag: '', body: this.#body() };
  }

  async *#body(): AsyncGenerator<Uint8Array> {
    this.atOnce += 1;
    this.most = Math.max(this.most, this.atOnce);
    try {
      for (let at = 0; at < this.#length; at += this.#piece.length) yield this.#piece;
    } finally {
      this.atOnce -= 1;
    }
  }
}

describe('an audit of large files', () => {
  const length = 48 * 1024 * 1024;

  function large(): RepositorySimulator {
    const repository = withRoots(2);
    for (const path of Object.keys(repository.targets.targets)) delete repository.targets.targets[path];
    const { createHash } = process.getBuiltinModule('node:crypto');
    const sha256 = createHash('sha256').update(new Uint8Array(length)).digest('hex');
    for (let index = 0; index < 6; index += 1)
      repository.targets.targets[`large-${index}.img`] = { length, hashes: { sha256 } };
    repository.writeAll();
    return repository;
  }

  it('reads a few at once in memory that stays flat, and says how far it is', async () => {
    const repository = large();
    const shelf = new EndlessShelf(length);
    const seen: number[] = [];
    global.gc?.();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const report = await auditRepository(placeOf(repository, shelf), {
      now: repository.now,
      sample: { kind: 'all' },
      seed: '',
      progress: (bytes, total) => {
        seen.push(bytes / total);
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      },
    });
    assert.deepEqual([said(report), report.files.verified, report.files.bytes], [[], 6, 6 * length]);
    assert.ok(shelf.most > 1 && shelf.most <= 3 && shelf.atOnce === 0, `${shelf.most} at once`);
    assert.ok(most < 32 * 1024 * 1024, `${most} bytes more`);
    assert.deepEqual([seen, seen.at(-1)], [seen.toSorted((one, other) => one - other), 1]);
  });

  it('looks at files of a server that does not tell lengths', async () => {
    const repository = large();
    const shelf = new EndlessShelf(length);
    shelf.told = false;
    const options = { now: repository.now, sample: { kind: 'count', count: 1 } as const, seed: '' };
    const report = await auditRepository(placeOf(repository, shelf), options);
    assert.deepEqual(
      [said(report), report.files.present, report.files.verified, shelf.atOnce],
      [[], 6, 1, 0],
    );
  });
});
