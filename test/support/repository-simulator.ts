/**
 * A TUF repository in memory that a test can bend: it signs what it is told to, valid or not, serves it to
 * clients through stores, and breaks any byte of any file on the way.
 *
 *     const repository = fixtureRepository();           // versions 2/5/5/5, three images and a manifest
 *     repository.timestamp.version = 4;                 // documents are plain data; change anything
 *     repository.write('timestamp');                    // sign and serve it as it stands
 *     repository.tamper = (name, bytes) => …;           // bend or withhold (undefined) what is served
 *     client(repository.metadata, repository.images);   // ReadableStore each
 *
 * `write` signs one document as it is; `publish…` raise versions and follow with the roles above.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReadableStore } from '../../src/storage/store.ts';
import { type KeyJson, type KeyKind, keyTable, type SigningKey, signingKeys } from './signing-keys.ts';
import type {
  AnyDocument,
  DelegatedRoleJson,
  DelegationsJson,
  FileMetaJson,
  RootJson,
  SnapshotJson,
  TargetsJson,
  TimestampJson,
  TopLevel,
} from './simulated-documents.ts';
import { emptyTargets, encodedRole, expiry, hashesOf, noDelegations, START } from './simulated-documents.ts';
import { SimulatorStore } from './simulator-store.ts';
import { record, writtenCanonically, writtenJson } from './written-json.ts';

export interface SimulatorOptions {
  /** Of every role's keys. */
  readonly kind?: KeyKind;
  /** Distinguishes the keys of several repositories. */
  readonly name?: string;
  readonly consistentSnapshot?: boolean;
  /** Lengths and hashes in timestamp and snapshot; true by default. */
  readonly stateHashes?: boolean;
}

export interface DelegationOptions {
  readonly paths?: string[];
  readonly pathHashPrefixes?: string[];
  readonly terminating?: boolean;
  readonly keys?: readonly SigningKey[];
  readonly threshold?: number;
}

export class RepositorySimulator {
  /** The start time of the story: everything is valid at it. */
  readonly now = START;
  /** The signed parts, to be changed at will. `targets` and delegated roles are in `roles`. */
  readonly root: RootJson;
  readonly timestamp: TimestampJson;
  readonly snapshot: SnapshotJson;
  readonly roles = new Map<string, TargetsJson>();
  /** Who signs each role. */
  readonly signers = new Map<string, SigningKey[]>();
  /** Metadata files by name, as they lie on the server. */
  readonly files = new Map<string, Uint8Array>();
  /** Target files by name, prefix of the hash included. */
  readonly targetFiles = new Map<string, Uint8Array>();
  /** Names in the order in which they were asked for; target files as `targets/NAME`. */
  readonly requests: string[] = [];
  /** Bends what is served, by the name as in `requests`; undefined is "does not exist". */
  tamper: ((name: string, bytes: Uint8Array | undefined) => Uint8Array | undefined) | undefined;
  readonly metadata: ReadableStore;
  readonly images: ReadableStore;
  readonly #name: string;
  readonly #stateHashes: boolean;
  readonly #history = new Map<string, Uint8Array>();
  readonly #rootKeys = new Map<number, readonly SigningKey[]>();

  constructor(options: SimulatorOptions = {}) {
    const { kind = 'ed25519', name = 'simulated', consistentSnapshot = true, stateHashes = true } = options;
    this.#name = name;
    this.#stateHashes = stateHashes;
    this.root = {
      _type: 'root',
      spec_version: '1.0.0',
      version: 1,
      expires: expiry(365),
      consistent_snapshot: consistentSnapshot,
      keys: record<KeyJson>(),
      roles: record({}) as unknown as RootJson['roles'],
    };
    this.timestamp = {
      _type: 'timestamp',
      spec_version: '1.0.0',
      version: 1,
      expires: expiry(7),
      meta: record(),
    };
    this.snapshot = {
      _type: 'snapshot',
      spec_version: '1.0.0',
      version: 1,
      expires: expiry(30),
      meta: record(),
    };
    this.roles.set('targets', emptyTargets());
    this.setKeys('root', signingKeys(`${name}-root`, 3, kind), 2);
    for (const role of ['timestamp', 'snapshot', 'targets'] as const)
      this.setKeys(role, signingKeys(`${name}-${role}`, 1, kind), 1);
    this.metadata = new SimulatorStore(`memory:${name}/metadata`, (file) =>
      this.#serve(file, this.files.get(file)),
    );
    this.images = new SimulatorStore(`memory:${name}/targets`, (file) =>
      this.#serve(`targets/${file}`, this.targetFiles.get(file)),
    );
    this.writeAll();
  }

  get targets(): TargetsJson {
    return this.role('targets');
  }

  role(name: string): TargetsJson {
    const document = this.roles.get(name);
    if (document === undefined) throw new Error(`no role ${name} in the simulator`);
    return document;
  }

  /** The document of any role. */
  document(role: string): AnyDocument {
    if (role === 'root' || role === 'timestamp' || role === 'snapshot') return this[role];
    return this.role(role);
  }

  /** Replaces the keys of a top-level role in root; the next `publishRoot` signs it with old and new root keys. */
  setKeys(role: TopLevel, keys: readonly SigningKey[], threshold = 1): void {
    this.signers.set(role, [...keys]);
    this.root.roles[role] = { keyids: keys.map(({ id }) => id), threshold };
    const used = new Set(Object.values(this.root.roles).flatMap(({ keyids }) => keyids));
    for (const id of Object.keys(this.root.keys)) if (!used.has(id)) delete this.root.keys[id];
    Object.assign(this.root.keys, keyTable(keys));
  }

  /** The envelope's bytes of any document, signed by any keys. */
  sign(document: unknown, signers: readonly SigningKey[]): Uint8Array {
    const canonical = writtenCanonically(document);
    const signatures = signers.map((key) => ({ keyid: key.id, sig: key.sign(canonical) }));
    return new TextEncoder().encode(writtenJson({ signatures, signed: document }));
  }

  /** Signs a document as it stands and puts it on the server under the name that its version gives it. */
  write(role: string, signers: readonly SigningKey[] = this.#usualSigners(role)): Uint8Array {
    const document = this.document(role);
    const bytes = this.sign(document, signers);
    this.files.set(this.fileName(role, document.version), bytes);
    this.#history.set(`${role}@${document.version}`, bytes);
    if (role === 'root') this.#rootKeys.set(document.version, this.signersOf('root'));
    return bytes;
  }

  /** What was last signed as this version of a role, whatever is served now. */
  written(role: string, version = this.document(role).version): Uint8Array {
    const bytes = this.#history.get(`${role}@${version}`);
    if (bytes === undefined) throw new Error(`${role} ${version} was never written`);
    return bytes;
  }

  /** Raises root by one version, signed by the keys of the root before and its own. */
  publishRoot(): Uint8Array {
    this.root.version += 1;
    return this.write('root');
  }

  publishTimestamp(): Uint8Array {
    this.timestamp.version += 1;
    return this.write('timestamp');
  }

  publishSnapshot(): Uint8Array {
    this.snapshot.version += 1;
    const bytes = this.write('snapshot');
    this.timestamp.meta['snapshot.json'] = this.metaOf(bytes, this.snapshot.version);
    this.publishTimestamp();
    return bytes;
  }

  /** Raises targets roles by one version each, then snapshot and timestamp. */
  publish(...roles: readonly string[]): void {
    for (const role of roles.length === 0 ? ['targets'] : roles) {
      this.role(role).version += 1;
      this.snapshot.meta[`${role}.json`] = this.metaOf(this.write(role), this.role(role).version);
    }
    this.publishSnapshot();
  }

  /** Signs everything as it stands, without raising a version. */
  writeAll(): void {
    this.write('root');
    for (const [role, { version }] of this.roles)
      this.snapshot.meta[`${role}.json`] = this.metaOf(this.write(role), version);
    this.timestamp.meta['snapshot.json'] = this.metaOf(this.write('snapshot'), this.snapshot.version);
    this.write('timestamp');
  }

  metaOf(bytes: Uint8Array, version: number): FileMetaJson {
    return this.#stateHashes ? { version, length: bytes.length, hashes: hashesOf(bytes) } : { version };
  }

  addTarget(path: string, bytes: Uint8Array, role = 'targets', custom?: unknown): void {
    const target = { length: bytes.length, hashes: hashesOf(bytes), ...(custom !== undefined && { custom }) };
    this.role(role).targets[path] = target;
    const slash = path.lastIndexOf('/') + 1;
    const prefix = this.root.consistent_snapshot ? `${target.hashes.sha256}.` : '';
    this.targetFiles.set(`${path.slice(0, slash)}${prefix}${path.slice(slash)}`, bytes);
  }

  /** Lets one role delegate to another, which comes into being with version 1; publish both afterwards. */
  delegate(delegator: string, name: string, options: DelegationOptions = {}): TargetsJson {
    const keys = options.keys ?? signingKeys(`${this.#name}-${name}`, 1);
    const delegations = this.#delegationsOf(delegator);
    Object.assign(delegations.keys, keyTable(keys));
    const entry: DelegatedRoleJson = {
      name,
      keyids: keys.map(({ id }) => id),
      threshold: options.threshold ?? 1,
      terminating: options.terminating ?? false,
    };
    if (options.pathHashPrefixes !== undefined) entry.path_hash_prefixes = options.pathHashPrefixes;
    if (options.paths !== undefined || options.pathHashPrefixes === undefined)
      entry.paths = options.paths ?? ['*'];
    delegations.roles = [...(delegations.roles ?? []), entry];
    return this.#addRole(name, keys);
  }

  /** All `2 ** bitLength` hash bins of a delegator (TAP 15); returns their names. */
  delegateSuccinct(delegator: string, bitLength: number, namePrefix: string): string[] {
    const keys = signingKeys(`${this.#name}-${namePrefix}`, 1);
    this.role(delegator).delegations = {
      keys: keyTable(keys),
      succinct_roles: {
        keyids: keys.map(({ id }) => id),
        threshold: 1,
        bit_length: bitLength,
        name_prefix: namePrefix,
      },
    };
    const digits = (2 ** bitLength - 1).toString(16).length;
    const bins = Array.from(
      { length: 2 ** bitLength },
      (_, bin) => `${namePrefix}-${bin.toString(16).padStart(digits, '0')}`,
    );
    for (const name of bins) this.#addRole(name, keys);
    return bins;
  }

  fileName(role: string, version: number): string {
    const versioned = role === 'root' || (role !== 'timestamp' && this.root.consistent_snapshot === true);
    return `${versioned ? `${version}.` : ''}${encodedRole(role)}.json`;
  }

  signersOf(role: string): readonly SigningKey[] {
    return this.signers.get(role) ?? [];
  }

  /** Writes everything that is served into a folder, to look at when a test fails. */
  dump(directory: string): void {
    const all = [
      ...this.files,
      ...Array.from(this.targetFiles, ([name, bytes]) => [`targets/${name}`, bytes] as const),
    ];
    for (const [name, bytes] of all) {
      mkdirSync(join(directory, name, '..'), { recursive: true });
      writeFileSync(join(directory, name), bytes);
    }
  }

  /** A new root is signed by the keys of the one before, too. */
  #usualSigners(role: string): readonly SigningKey[] {
    const before = role === 'root' ? (this.#rootKeys.get(this.root.version - 1) ?? []) : [];
    return [...new Set([...before, ...this.signersOf(role)])];
  }

  #delegationsOf(role: string): DelegationsJson {
    const document = this.role(role);
    document.delegations ??= noDelegations();
    return document.delegations;
  }

  #addRole(name: string, keys: readonly SigningKey[]): TargetsJson {
    this.signers.set(name, [...keys]);
    const document = this.roles.get(name) ?? emptyTargets();
    this.roles.set(name, document);
    return document;
  }

  #serve(name: string, bytes: Uint8Array | undefined): Uint8Array | undefined {
    this.requests.push(name);
    return this.tamper === undefined ? bytes : this.tamper(name, bytes);
  }
}
