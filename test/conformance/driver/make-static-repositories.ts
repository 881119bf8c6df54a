/**
 * Makes the two repositories in test/conformance/static: one as tuf-on-ci publishes it, one shaped like Sigstore's
 * production repository. They are frozen: served as they lie here, at the moment in `case.json`. Keys come from
 * their names; signatures by curves are random, so another run gives other bytes that are worth the same.
 *
 *     node test/conformance/driver/make-static-repositories.ts
 */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type KeyKind, keyIdOfJson, type SigningKey, signingKey } from '../../support/signing-keys.ts';
import { writtenCanonically } from '../../support/written-json.ts';

type Members = Readonly<Record<string, unknown>>;

class StaticRepository {
  readonly #directory: string;

  constructor(name: string, description: { readonly time: string; readonly target: string }) {
    this.#directory = join(import.meta.dirname, '..', 'static', name);
    rmSync(this.#directory, { recursive: true, force: true });
    this.#write('case.json', `${JSON.stringify(description, undefined, 2)}\n`);
  }

  /** Signed by the first keys; the others leave an empty placeholder. @returns the file's text */
  sign(
    file: string,
    signed: Members,
    signers: readonly SigningKey[],
    absent: readonly SigningKey[] = [],
  ): string {
    const message = writtenCanonically(signed);
    const signatures = [
      ...signers.map((key) => ({ keyid: key.id, sig: key.sign(message) })),
      ...absent.map((key) => ({ keyid: key.id, sig: '' })),
    ];
    const text = JSON.stringify({ signatures, signed }, undefined, 1);
    this.#write(`metadata/${file}`, text);
    return text;
  }

  trustedRoot(text: string): void {
    this.#write('initial_root.json', text);
  }

  /** Serves a target under each of its hashes. @returns its entry */
  target(path: string, content: string, algorithms: readonly string[], custom?: Members): Members {
    const hashes = Object.fromEntries(
      algorithms.map((algorithm) => [algorithm, createHash(algorithm).update(content).digest('hex')]),
    );
    const slash = path.lastIndexOf('/') + 1;
    for (const hash of Object.values(hashes))
      this.#write(`targets/${path.slice(0, slash)}${hash}.${path.slice(slash)}`, content);
    return { ...(custom && { custom }), hashes, length: Buffer.byteLength(content) };
  }

  #write(name: string, text: string): void {
    const file = join(this.#directory, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/** A key with members of a signing service; its id covers only what the specification names. */
function serviceKey(name: string, kind: KeyKind, members: Members, id?: string): SigningKey {
  const key = signingKey(name, kind);
  const plain = keyIdOfJson({ keytype: key.json.keytype, scheme: key.json.scheme, keyval: key.json.keyval });
  return { ...key, id: id ?? plain, json: { ...key.json, ...members } };
}

function table(keys: readonly SigningKey[]): Members {
  return Object.fromEntries(keys.map(({ id, json }) => [id, json]));
}

function role(keys: readonly SigningKey[], threshold: number, members: Members = {}): Members {
  return { keyids: keys.map(({ id }) => id), threshold, ...members };
}

function period(expiry: number, signing: number): Members {
  return { 'x-tuf-on-ci-expiry-period': expiry, 'x-tuf-on-ci-signing-period': signing };
}

function makeTufOnCi(): void {
  const repository = new StaticRepository('tuf-on-ci', {
    time: '2025-09-01T12:00:00Z',
    target: 'delegatedrole/artifact',
  });
  const common = { spec_version: '1.0.31', ...period(7300, 60) };
  const ada = serviceKey('ada', 'ecdsa p256', { 'x-tuf-on-ci-keyowner': '@ada' });
  const bert = serviceKey('bert', 'ecdsa p256', { 'x-tuf-on-ci-keyowner': '@bert' }, 'key-of-bert');
  const online = serviceKey('online', 'ecdsa p256', {
    'x-tuf-on-ci-online-uri':
      'gcpkms:projects/p/locations/global/keyRings/r/cryptoKeys/online/cryptoKeyVersions/1',
  });
  const root = (version: number, offline: readonly SigningKey[]): Members => ({
    _type: 'root',
    consistent_snapshot: true,
    expires: '2045-08-10T10:05:04Z',
    keys: table([online, ...offline]),
    roles: {
      root: role(offline, 1),
      snapshot: role([online], 1, period(7300, 60)),
      targets: role(offline, 1),
      timestamp: role([online], 1, period(2, 1)),
    },
    ...common,
    version,
  });
  repository.trustedRoot(repository.sign('1.root.json', root(1, [ada]), [ada]));
  repository.sign('2.root.json', root(2, [ada, bert]), [ada], [bert]);
  const paths = ['*', '*/*', '*/*/*'].map((pattern) => `delegatedrole/${pattern}`);
  const delegated = { name: 'delegatedrole', paths, terminating: true };
  repository.sign(
    '1.targets.json',
    {
      _type: 'targets',
      delegations: { keys: table([ada, bert]), roles: [{ ...role([ada, bert], 1), ...delegated }] },
      expires: '2045-08-10T10:09:31Z',
      ...common,
      targets: {},
      version: 1,
    },
    [bert],
    [ada],
  );
  const artifact = repository.target('delegatedrole/artifact', 'An artifact of a delegated role.\n', [
    'sha256',
  ]);
  const targets = { 'delegatedrole/artifact': artifact };
  const expires = '2045-08-10T10:18:49Z';
  repository.sign(
    '2.delegatedrole.json',
    { _type: 'targets', expires, ...common, targets, version: 2 },
    [ada],
    [bert],
  );
  const meta = { 'delegatedrole.json': { version: 2 }, 'targets.json': { version: 1 } };
  repository.sign('2.snapshot.json', { _type: 'snapshot', expires, ...common, meta, version: 2 }, [online]);
  const current = { 'snapshot.json': { version: 2 } };
  const soon = '2025-09-03T10:20:00Z';
  repository.sign(
    'timestamp.json',
    { _type: 'timestamp', expires: soon, ...common, meta: current, version: 3 },
    [online],
  );
}

const holders = ['Mercury', 'Venus', 'Earth', 'Mars', 'Jupiter', 'Saturn'];

/** Keys of one person in the older spelling, with members that were usual then, and in the newer one. */
function holderKeys(newer: boolean): SigningKey[] {
  return holders.map((holder) =>
    newer
      ? serviceKey(holder, 'ecdsa p256', { 'x-tuf-on-ci-keyowner': `@${holder.toLowerCase()}` })
      : serviceKey(holder, 'ecdsa-sha2-nistp256', { keyid_hash_algorithms: ['sha256', 'sha512'] }),
  );
}

function sigstoreTargets(repository: StaticRepository): Members {
  const service = (usage: string, uri: string, status = 'Active'): Members => ({
    sigstore: { status, uri, usage },
  });
  const entry = (path: string, custom: Members): readonly [string, Members] => [
    path,
    repository.target(path, `the content of ${path}\n`, ['sha256', 'sha512'], custom),
  ];
  return Object.fromEntries([
    entry('artifact.pub', service('Unknown', '', 'Active')),
    entry('ctfe.pub', service('CTFE', 'https://ctfe.example.test/test', 'Expired')),
    entry('ctfe_2022.pub', service('CTFE', 'https://ctfe.example.test/2022')),
    entry('fulcio_v1.crt.pem', service('Fulcio', 'https://fulcio.example.test')),
    entry('rekor.pub', service('Rekor', 'https://rekor.example.test')),
    entry('trusted_root.json', service('Unknown', '', 'Active')),
  ]);
}

function makeSigstoreLike(): void {
  const repository = new StaticRepository('sigstore-like', {
    time: '2025-06-15T12:00:00Z',
    target: 'trusted_root.json',
  });
  const older = holderKeys(false);
  const newer = holderKeys(true);
  const [oldOnline, online] = [
    serviceKey('old online', 'ecdsa-sha2-nistp256', { keyid_hash_algorithms: ['sha256', 'sha512'] }),
    serviceKey('kms', 'ecdsa p256', {
      'x-tuf-on-ci-online-uri': 'gcpkms:projects/sigstore-like/keys/timestamp',
    }),
  ];
  const root = (
    version: number,
    expires: string,
    offline: SigningKey[],
    on: SigningKey,
    spec: string,
  ): Members => ({
    _type: 'root',
    consistent_snapshot: true,
    expires,
    keys: table([...offline, on]),
    roles: {
      root: role(offline, 3),
      snapshot: role([on], 1),
      targets: role(offline, 3),
      timestamp: role([on], 1),
    },
    spec_version: spec,
    version,
    ...(version > 6 && period(197, 46)),
  });
  const first = root(5, '2023-04-18T18:13:43Z', older.slice(0, 5), oldOnline, '1.0');
  repository.trustedRoot(repository.sign('5.root.json', first, older.slice(0, 4)));
  const sixth = root(6, '2024-03-26T00:00:00Z', older.slice(1), oldOnline, '1.0');
  repository.sign(
    '6.root.json',
    sixth,
    [older[5], ...older.slice(1, 4)].filter((key) => key !== undefined),
    older.slice(4, 5),
  );
  const seventh = root(7, '2025-02-19T08:04:32Z', newer.slice(1), online, '1.0.31');
  repository.sign('7.root.json', seventh, [...older.slice(1, 4), ...newer.slice(1, 4)]);
  const eighth = root(8, '2025-12-11T09:21:00Z', newer.slice(1), online, '1.0.31');
  repository.sign('8.root.json', eighth, newer.slice(2, 5), [...newer.slice(1, 2), ...newer.slice(5)]);
  const registry = serviceKey('registry', 'ecdsa p256', { 'x-tuf-on-ci-keyowner': '@registry' });
  const common = { spec_version: '1.0.31', ...period(197, 46) };
  const delegated = { name: 'registry.example.test', paths: ['registry.example.test/*'], terminating: true };
  repository.sign(
    '9.targets.json',
    {
      _type: 'targets',
      delegations: { keys: table([registry]), roles: [{ ...role([registry], 1), ...delegated }] },
      expires: '2025-12-11T09:21:00Z',
      ...common,
      targets: sigstoreTargets(repository),
      version: 9,
    },
    newer.slice(1, 4),
    newer.slice(4),
  );
  const list = repository.target('registry.example.test/keys.json', '{"keys":[]}\n', ['sha256']);
  const registryTargets = { 'registry.example.test/keys.json': list };
  const late = '2026-01-07T18:27:03Z';
  repository.sign(
    '3.registry.example.test.json',
    { _type: 'targets', expires: late, ...common, targets: registryTargets, version: 3 },
    [registry],
  );
  const meta = { 'registry.example.test.json': { version: 3 }, 'targets.json': { version: 9 } };
  const snapshot = repository.sign(
    '164.snapshot.json',
    { _type: 'snapshot', expires: '2025-07-01T10:00:00Z', ...common, meta, version: 164 },
    [online],
  );
  const sha256 = createHash('sha256').update(snapshot).digest('hex');
  const current = {
    'snapshot.json': { hashes: { sha256 }, length: Buffer.byteLength(snapshot), version: 164 },
  };
  repository.sign(
    'timestamp.json',
    { _type: 'timestamp', expires: '2025-06-21T14:45:50Z', ...common, meta: current, version: 305 },
    [online],
  );
}

makeTufOnCi();
makeSigstoreLike();
