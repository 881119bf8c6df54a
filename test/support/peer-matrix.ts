/**
 * What four clients were measured to do with repositories that differ from a plain one in one thing each: tuf-js 6.0.2,
 * python-tuf 5.1, go-tuf v2 and tough 0.12.5, in this order. `ok`: the target was delivered, `nf`: not found, `NO`: an
 * error. Beside it what our own client does.
 *
 * `transport`: the peers were measured over local files, where an address is not decoded as a web server does it; such
 * names are not to be used, whoever read them. `random`: go-tuf before September 2026 chose a hash at random.
 */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { ErrorCode } from '../../src/errors.ts';
import type { RepositorySimulator } from './repository-simulator.ts';
import { type KeyJson, type KeyKind, keyIdOfJson, type SigningKey, signingKey } from './signing-keys.ts';
import { type DelegatedRoleJson, expiry, hashesOf, type TargetJson } from './simulated-documents.ts';
import { Raw, record } from './written-json.ts';

export interface MatrixRow {
  readonly name: string;
  readonly verdicts: string;
  readonly ours: 'ok' | 'nf' | ErrorCode;
  readonly doubt?: 'transport' | 'random';
  /** Bends a repository, signs it, and says which target is asked for. */
  build(repository: RepositorySimulator): string;
}

const image = 'img.bin';
const bytes = new TextEncoder().encode('image bytes');
type Change = (repository: RepositorySimulator, target: TargetJson) => void;
type Doubt = MatrixRow['doubt'];

function row(
  name: string,
  verdicts: string,
  ours: MatrixRow['ours'],
  build: MatrixRow['build'],
  doubt?: Doubt,
): MatrixRow {
  return { name, verdicts, ours, build, ...(doubt !== undefined && { doubt }) };
}

/** One target, and a change before all is signed. */
function plain(
  name: string,
  verdicts: string,
  ours: MatrixRow['ours'],
  change: Change,
  after?: Change,
): MatrixRow {
  return row(name, verdicts, ours, (repository) => {
    repository.addTarget(image, bytes);
    const target = repository.targets.targets[image] as TargetJson;
    change(repository, target);
    repository.writeAll();
    after?.(repository, target);
    return image;
  });
}

const expires = (name: string, text: string, verdicts: string, ours: MatrixRow['ours']): MatrixRow =>
  plain(`expires ${name}`, verdicts, ours, ({ timestamp }) => {
    timestamp.expires = text;
  });

const custom = (name: string, value: unknown, verdicts: string, ours: MatrixRow['ours'] = 'ok'): MatrixRow =>
  plain(`custom ${name}`, verdicts, ours, (_, target) => {
    target.custom = value;
  });

const specVersion = (text: string, verdicts: string, ours: MatrixRow['ours'] = 'ok'): MatrixRow =>
  plain(`spec_version ${text}`, verdicts, ours, ({ targets }) => {
    targets.spec_version = text;
  });

const named = (what: string, path: string, verdicts: string, doubt?: Doubt): MatrixRow =>
  row(
    `target name ${what}`,
    verdicts,
    'ok',
    (repository) => {
      repository.addTarget(path, bytes);
      repository.writeAll();
      return path;
    },
    doubt,
  );

/** Keys of another kind for the role targets. */
const keyed = (
  name: string,
  verdicts: string,
  key: () => SigningKey,
  ours: MatrixRow['ours'] = 'ok',
): MatrixRow => plain(name, verdicts, ours, (repository) => repository.setKeys('targets', [key()]));

/** The same key under another object or id. */
function renamed(json: KeyJson, id: string): () => SigningKey {
  return () => ({ ...signingKey('matrix'), json, id });
}

function withMembers(members: object): KeyJson {
  return { ...signingKey('matrix').json, ...members };
}

const spare = (name: string, verdicts: string, json: () => KeyJson): MatrixRow =>
  plain(name, verdicts, 'ok', ({ root }) => {
    root.keys[keyIdOfJson(json())] = json();
  });

function p521(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-521' });
  const keyval = { public: publicKey.export({ type: 'spki', format: 'pem' }).toString() };
  const json = { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp521', keyval };
  const signed = (message: Uint8Array) => sign('sha512', message, privateKey).toString('hex');
  return { id: keyIdOfJson(json), json, privateKey, sign: signed };
}

function fixedWidth(): SigningKey {
  const key = signingKey('matrix', 'ecdsa-sha2-nistp256');
  const signed = (message: Uint8Array) =>
    sign('sha256', message, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('hex');
  return { ...key, sign: signed };
}

function pointKey(): SigningKey {
  const hex = signingKey('matrix', 'ecdsa p256 hex');
  const json = { ...hex.json, keytype: 'ecdsa-sha2-nistp256' };
  return { ...hex, json, id: keyIdOfJson(json) };
}

function trimmedPem(): SigningKey {
  const key = signingKey('matrix', 'rsa sha256');
  const json = { ...key.json, keyval: { public: key.json.keyval.public.trim() } };
  return { ...key, json, id: keyIdOfJson(json) };
}

const of = (kind: KeyKind, saltLength?: number) => () =>
  signingKey('matrix', kind, saltLength === undefined ? {} : { saltLength });

interface Signature {
  keyid: string;
  sig: string;
  [member: string]: unknown;
}

/** Bends the signatures of the timestamp, which no hash covers. */
const signatures = (
  name: string,
  verdicts: string,
  ours: MatrixRow['ours'],
  bend: (list: Signature[]) => Signature[],
): MatrixRow =>
  plain(
    name,
    verdicts,
    ours,
    () => undefined,
    ({ files }) => {
      const document = JSON.parse(Buffer.from(files.get('timestamp.json') ?? []).toString());
      document.signatures = bend(document.signatures);
      files.set('timestamp.json', Buffer.from(JSON.stringify(document)));
    },
  );

const listing = (name: string, verdicts: string, ours: MatrixRow['ours'], bend: Change): MatrixRow =>
  row(name, verdicts, ours, (repository) => {
    repository.addTarget(image, bytes);
    repository.writeAll();
    bend(repository, repository.targets.targets[image] as TargetJson);
    repository.timestamp.meta['snapshot.json'] ??= { version: 1 };
    return image;
  });

/** A role r1 that lists the target instead of the top-level one. */
function delegated(
  name: string,
  verdicts: string,
  ours: MatrixRow['ours'],
  {
    role = 'r1',
    paths = ['*.bin'],
    path = image,
    doubt,
    bend,
  }: {
    readonly role?: string;
    readonly paths?: string[];
    readonly path?: string;
    readonly doubt?: Doubt;
    readonly bend?: (entry: DelegatedRoleJson, repository: RepositorySimulator) => void;
  } = {},
): MatrixRow {
  return row(
    `deleg ${name}`,
    verdicts,
    ours,
    (repository) => {
      repository.delegate('targets', role, { paths });
      repository.addTarget(path, bytes, role);
      const entry = repository.targets.delegations?.roles?.[0];
      if (entry !== undefined) bend?.(entry, repository);
      repository.writeAll();
      return path;
    },
    doubt,
  );
}

const sha512 = createHash('sha512').update(bytes).digest('hex');
const blake2b512 = createHash('blake2b512').update(bytes).digest('hex');
const { sha256 } = hashesOf(bytes);

/** Other hashes of the target, and its bytes under the names given. */
const hashed = (
  name: string,
  verdicts: string,
  ours: MatrixRow['ours'],
  hashes: Record<string, string>,
  at: readonly string[],
  doubt?: Doubt,
): MatrixRow =>
  row(
    name,
    verdicts,
    ours,
    (repository) => {
      repository.targets.targets[image] = { length: bytes.length, hashes };
      for (const hash of at) repository.targetFiles.set(`${hash}.${image}`, bytes);
      repository.writeAll();
      return image;
    },
    doubt,
  );

const placed = (
  name: string,
  verdicts: string,
  ours: MatrixRow['ours'],
  at: readonly string[],
  path = 'dir/img.bin',
): MatrixRow =>
  row(name, verdicts, ours, (repository) => {
    repository.addTarget(path, bytes);
    repository.targetFiles.clear();
    for (const file of at) repository.targetFiles.set(file, bytes);
    repository.writeAll();
    return path;
  });

const rawCustom = (name: string, text: string): MatrixRow =>
  custom(name, record({ n: new Raw(text) }), 'NO NO NO NO', 'json-invalid');
const rawInteger = (name: string, text: string, verdicts: string): MatrixRow =>
  custom(name, record({ n: new Raw(text) }), verdicts);
const plainId = keyIdOfJson(signingKey('matrix').json);
const owned = withMembers({ owner: 'alice' });
const hashAlgorithms = withMembers({ keyid_hash_algorithms: ['sha256', 'sha512'] });
const unknownKey = { keytype: 'sphincs', scheme: 'sphincs-shake', keyval: { public: 'ab' } };

export const matrix: readonly MatrixRow[] = [
  plain('base ed25519', 'ok ok ok ok', 'ok', () => undefined),
  expires('.000Z', '2030-01-08T00:00:00.000Z', 'ok NO NO NO', 'ok'),
  expires('.123Z', '2030-01-08T00:00:00.123Z', 'ok NO ok ok', 'ok'),
  expires('+00:00', '2030-01-08T00:00:00+00:00', 'ok NO NO NO', 'document-invalid'),
  custom('{}', {}, 'ok ok ok NO'),
  custom('null', null, 'ok ok NO NO'),
  custom('string', 'text', 'ok ok ok NO'),
  custom('nested ok', { a: { b: [1, 'x', true] } }, 'ok ok ok ok'),
  rawCustom('float 1.5', '1.5'),
  rawCustom('1.0 raw', '1.0'),
  rawCustom('1e3 raw', '1e3'),
  rawInteger('2^53+1', '9007199254740993', 'NO ok ok ok'),
  rawInteger('2^64', '18446744073709551616', 'NO ok NO NO'),
  custom('negative', { n: -7 }, 'ok ok ok ok'),
  custom('NFD string', { t: 'e\u0301' }, 'ok ok ok NO'),
  custom('newline string', { t: 'a\nb' }, 'ok ok ok ok'),
  custom('control U+0001', { t: 'a\u0001b' }, 'ok ok ok ok'),
  custom('astral keys', record({ '\u{1f600}': 1, '\uff5e': 2 }), 'NO ok ok ok'),
  plain('delegations null', 'NO NO NO NO', 'document-invalid', ({ targets }) => {
    Object.assign(targets, { delegations: null });
  }),
  plain('delegations empty lists', 'ok ok ok ok', 'ok', ({ targets }) => {
    targets.delegations = { keys: {}, roles: [] };
  }),
  plain('delegations {keys:{}} no roles', 'ok NO ok NO', 'document-invalid', ({ targets }) => {
    targets.delegations = { keys: {} };
  }),
  hashed('sha256+sha512 both placed', 'ok ok ok ok', 'ok', { sha256, sha512 }, [sha256, sha512]),
  hashed('sha256,sha512; only sha256 file', 'ok ok ok ok', 'ok', { sha256, sha512 }, [sha256], 'random'),
  hashed('sha512,sha256; only sha256 file', 'NO NO NO ok', 'ok', { sha512, sha256 }, [sha256], 'random'),
  hashed('sha512 only', 'ok ok ok NO', 'ok', { sha512 }, [sha512]),
  hashed('hash uppercase', 'NO NO NO ok', 'document-invalid', { sha256: sha256.toUpperCase() }, [sha256]),
  placed('subdir target spec prefix', 'ok ok ok NO', 'ok', [`dir/${sha256}.img.bin`]),
  placed('subdir target tough prefix', 'NO NO NO ok', 'not-found', [`${sha256}.dir/img.bin`]),
  named('space', 'img a.bin', 'ok ok ok NO', 'transport'),
  named('plus %41', 'img+%41.bin', 'NO NO ok ok', 'transport'),
  named('colon', 'img:a.bin', 'ok ok ok ok'),
  named('?', 'img?a.bin', 'NO ok ok NO', 'transport'),
  named('#', 'img#a.bin', 'NO ok ok NO', 'transport'),
  named('utf8', 'im\u00e4ge.bin', 'ok ok ok NO', 'transport'),
  keyed('keyid random hex (TAP12)', 'ok ok ok NO', renamed(withMembers({}), 'ab'.repeat(32))),
  keyed('keyid non-hex', 'ok ok ok NO', renamed(withMembers({}), 'the-key')),
  keyed('keyid uppercase', 'ok ok ok ok', renamed(withMembers({}), plainId.toUpperCase())),
  keyed('key extra field, id over all', 'ok ok ok ok', renamed(owned, keyIdOfJson(owned))),
  keyed('key extra field, id over plain', 'ok ok ok NO', renamed(owned, plainId)),
  keyed(
    'keyid_hash_algorithms extra, id over all',
    'ok ok ok ok',
    renamed(hashAlgorithms, keyIdOfJson(hashAlgorithms)),
  ),
  plain('mirrors role in root', 'ok NO ok NO', 'ok', ({ root }) => {
    Object.assign(root.roles, { mirrors: root.roles.targets });
  }),
  spare('unused unknown keytype in root', 'ok NO ok NO', () => unknownKey),
  spare('unused p384 key in root', 'ok ok ok NO', () => signingKey('matrix', 'ecdsa p384').json),
  plain('unknown field in signed root', 'ok ok ok ok', 'ok', ({ root }) =>
    Object.assign(root, { 'x-a': [1] }),
  ),
  plain('unknown field in root role', 'ok ok ok ok', 'ok', ({ root }) =>
    Object.assign(root.roles.targets, { 'x-a': 1 }),
  ),
  plain('unknown field in targets', 'ok ok ok ok', 'ok', ({ targets }) =>
    Object.assign(targets, { 'x-a': 1 }),
  ),
  plain('unknown field in target', 'ok ok ok ok', 'ok', (_, target) => Object.assign(target, { 'x-a': 1 })),
  listing('unknown field in snapshot meta', 'ok ok ok ok', 'ok', (repository) => {
    Object.assign(repository.snapshot.meta['targets.json'] ?? {}, { 'x-a': 1 });
    repository.publishSnapshot();
  }),
  keyed('p256 ecdsa-sha2-nistp256 PEM', 'ok ok ok ok', of('ecdsa-sha2-nistp256')),
  keyed('p256 keytype ecdsa PEM', 'ok ok ok NO', of('ecdsa p256')),
  keyed('p256 hex point', 'ok NO NO ok', pointKey),
  keyed('p256 IEEE-P1363 sig', 'NO NO NO NO', fixedWidth, 'threshold-not-met'),
  keyed('p384 keytype ecdsa', 'ok ok ok NO', of('ecdsa p384')),
  keyed('p384 keytype nistp384', 'ok ok NO NO', of('ecdsa-sha2-nistp384')),
  keyed('p521 keytype ecdsa', 'NO ok NO NO', p521, 'threshold-not-met'),
  keyed('rsa-pss node default salt', 'ok ok ok NO', of('rsa sha256', 222)),
  keyed('rsa-pss salt 32', 'ok ok ok ok', of('rsa sha256')),
  keyed('rsa-pss salt 32 PEM trimmed', 'ok ok ok ok', trimmedPem),
  keyed('rsa-pss salt 0', 'ok ok ok NO', of('rsa sha256', 0)),
  keyed('ed25519 PEM public', 'ok NO NO NO', of('ed25519 pem')),
  signatures('sig uppercase hex', 'ok ok ok ok', 'ok', (list) =>
    list.map((one) => ({ ...one, sig: one.sig.toUpperCase() })),
  ),
  signatures('sig base64', 'NO NO NO NO', 'threshold-not-met', (list) =>
    list.map((one) => ({ ...one, sig: Buffer.from(one.sig, 'hex').toString('base64') })),
  ),
  signatures('extra sig empty string other key', 'ok ok ok ok', 'ok', (list) => [
    ...list,
    { keyid: 'ab'.repeat(32), sig: '' },
  ]),
  signatures('extra sig unknown key', 'ok ok ok ok', 'ok', (list) => [
    ...list,
    { keyid: 'ab'.repeat(32), sig: 'cd'.repeat(64) },
  ]),
  signatures('extra field in signature object', 'ok ok ok ok', 'ok', (list) =>
    list.map((one) => ({ ...one, 'x-a': 1 })),
  ),
  signatures('duplicate keyid sigs', 'NO NO NO ok', 'duplicate-signature', (list) => [...list, ...list]),
  listing('timestamp meta version only', 'ok ok ok NO', 'ok', (repository) => {
    repository.timestamp.meta['snapshot.json'] = { version: repository.snapshot.version };
    repository.write('timestamp');
  }),
  listing('snapshot meta version only', 'ok ok ok ok', 'ok', (repository) => {
    repository.snapshot.meta['targets.json'] = { version: repository.targets.version };
    repository.publishSnapshot();
  }),
  listing('snapshot lists root.json', 'ok ok ok ok', 'ok', (repository) => {
    repository.snapshot.meta['root.json'] = { version: 1 };
    repository.publishSnapshot();
  }),
  listing('snapshot meta hashes {}', 'ok NO NO NO', 'document-invalid', (repository) => {
    Object.assign(repository.snapshot.meta['targets.json'] ?? {}, { hashes: {} });
    repository.publishSnapshot();
  }),
  specVersion('1.0', 'ok ok ok ok'),
  specVersion('1', 'NO NO ok ok', 'document-invalid'),
  specVersion('1.0.34', 'ok ok ok ok'),
  specVersion('1.1.0', 'ok ok ok ok'),
  specVersion('1.0.0-rc1', 'NO NO ok ok', 'document-invalid'),
  specVersion('2.0.0', 'NO NO ok ok', 'spec-version-unsupported'),
  consistent('consistent false', 'ok ok ok ok', false),
  consistent('consistent absent', 'NO ok NO NO', undefined),
  delegated('basic', 'ok ok ok ok', 'ok'),
  delegated('no terminating', 'NO NO NO NO', 'document-invalid', {
    bend: (entry) => Object.assign(entry, { terminating: undefined }),
  }),
  delegated('extra field in role', 'ok ok ok NO', 'ok', {
    bend: (entry) => Object.assign(entry, { 'x-a': 1 }),
  }),
  delegated('extra field in delegations', 'ok ok ok NO', 'ok', {
    bend: (_, { targets }) => Object.assign(targets.delegations ?? {}, { 'x-a': 1 }),
  }),
  delegated('path_hash_prefixes', 'ok ok nf ok', 'ok', {
    bend: (entry) => {
      delete entry.paths;
      entry.path_hash_prefixes = [createHash('sha256').update(image).digest('hex').slice(0, 4)];
    },
  }),
  row('deleg succinct', 'ok ok ok NO', 'ok', (repository) => {
    const bins = repository.delegateSuccinct('targets', 1, 'bin');
    const first = Number.parseInt(createHash('sha256').update(image).digest('hex').slice(0, 1), 16) < 8;
    repository.addTarget(image, bytes, bins[first ? 0 : 1]);
    repository.writeAll();
    return image;
  }),
  delegated('role name with slash', 'NO NO ok ok', 'ok', { role: 'a/b', doubt: 'transport' }),
  delegated('role name with !()', 'ok ok NO NO', 'ok', { role: "r!()'*", doubt: 'transport' }),
  delegated('role name utf8', 'NO NO ok ok', 'ok', { role: 'r\u00f6le', doubt: 'transport' }),
  delegated('pattern * vs slash target', 'nf nf nf ok', 'nf', {
    paths: ['*'],
    path: 'dir/img.bin',
    bend: atBothPlaces,
  }),
  delegated('pattern **', 'nf nf nf ok', 'nf', { paths: ['**'], path: 'dir/img.bin', bend: atBothPlaces }),
  delegated('pattern {img,x}.bin', 'ok nf nf ok', 'nf', { paths: ['{img,x}.bin'] }),
  delegated('pattern [a-z]mg.bin', 'ok ok ok ok', 'nf', { paths: ['[a-z]mg.bin'] }),
  delegated('pattern [!a]mg.bin', 'ok ok nf ok', 'nf', { paths: ['[!a]mg.bin'] }),
  delegated('pattern *.bin vs .hidden.bin', 'nf ok ok ok', 'ok', { path: '.hidden.bin' }),
  delegated('pattern img?bin', 'ok ok ok ok', 'ok', { paths: ['img?bin'] }),
  delegated('pattern leading ! literal', 'ok ok ok ok', 'ok', { paths: ['!img.bin'], path: '!img.bin' }),
  delegated('pattern # literal', 'nf ok ok NO', 'ok', {
    paths: ['#img.bin'],
    path: '#img.bin',
    doubt: 'transport',
  }),
  delegated('paths []', 'nf nf nf NO', 'nf', { paths: [] }),
  delegated('role lists extra target outside path', 'ok ok ok NO', 'ok', {
    bend: (_, repository) => repository.addTarget('other.txt', bytes, 'r1'),
  }),
  delegated('role expired', 'NO NO NO ok', 'expired', {
    bend: (_, repository) => {
      repository.role('r1').expires = expiry(-1);
    },
  }),
  // Measured besides.
  placed('subfolder target with both placements', 'ok ok ok ok', 'ok', [
    `dir/${sha256}.img.bin`,
    `${sha256}.dir/img.bin`,
  ]),
  placed(
    'three levels deep with both placements',
    'ok ok ok ok',
    'ok',
    [`a/b/c/${sha256}.i.bin`, `${sha256}.a/b/c/i.bin`],
    'a/b/c/i.bin',
  ),
  row('empty file', 'ok ok ok ok', 'ok', (repository) => {
    repository.addTarget(image, new Uint8Array());
    repository.writeAll();
    return image;
  }),
  plain('mixed RSA root and P-256 targets', 'ok ok ok ok', 'ok', (repository) => {
    repository.setKeys('root', [signingKey('matrix', 'rsa sha256')]);
    repository.setKeys('targets', [signingKey('matrix', 'ecdsa-sha2-nistp256')]);
  }),
  hashed('sha512,sha256 with both copies', 'ok ok ok ok', 'ok', { sha512, sha256 }, [sha256, sha512]),
  hashed('extra hash blake2b-256', 'NO NO NO ok', 'ok', { sha256, 'blake2b-256': 'ab'.repeat(32) }, [
    sha256,
    'ab'.repeat(32),
  ]),
  hashed('extra hash blake2b512', 'ok ok NO ok', 'ok', { sha256, blake2b512 }, [sha256, blake2b512]),
  expires('lower-case z', '2030-01-08T00:00:00z', 'ok NO NO NO', 'document-invalid'),
  expires('space for T', '2030-01-08 00:00:00Z', 'ok NO NO NO', 'document-invalid'),
  expires('leap second', '2030-06-30T23:59:60Z', 'NO NO NO ok', 'document-invalid'),
  plain('role lists a keyid without key', 'ok ok NO ok', 'ok', ({ root }) => {
    root.roles.targets.keyids.push('ab'.repeat(32));
  }),
  plain('duplicate keyid in a role', 'NO NO ok ok', 'document-invalid', ({ root }) => {
    root.roles.targets.keyids.push(...root.roles.targets.keyids);
  }),
  keyed('extra field inside keyval', 'ok ok ok ok', () => {
    const json = withMembers({ keyval: { ...signingKey('matrix').json.keyval, private: '' } });
    return renamed(json, keyIdOfJson(json))();
  }),
];

function consistent(name: string, verdicts: string, value: boolean | undefined): MatrixRow {
  return row(name, verdicts, 'ok', (repository) => {
    if (value === undefined) delete repository.root.consistent_snapshot;
    else repository.root.consistent_snapshot = value;
    repository.addTarget(image, bytes);
    repository.writeAll();
    return image;
  });
}

function atBothPlaces(_: unknown, { targetFiles }: RepositorySimulator): void {
  targetFiles.set(`${sha256}.dir/img.bin`, bytes);
}
