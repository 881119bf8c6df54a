/**
 * The agent's configuration file (TOML). Unknown entries are refused, so that a slip is noticed; relative paths start
 * from the file's own folder. The names that updog has are updog's.
 *
 *     root = "root.json"                                   # the trusted root that came with the host
 *     metadata_base_url = "https://updates.example/metadata"    # or a list: mirrors in order
 *     targets_base_url = "https://updates.example/targets"      # likewise
 *     state_directory = "/var/lib/tidegate"
 *     slots_directory = "/var/lib/tidegate/slots"
 *     slot_size = 4294967296                               # bytes that all images of a slot may take
 *     variant = "example"
 *     arch = "x86_64"
 *     seed = 17                                            # 0 … 2047; or host_id = "…", from which it follows
 *     version_lock = "latest"                              # optional
 *     ignore_waves = false                                 # optional
 *     labels = ["canary", "rack-7"]                        # optional: groups of hosts that a release may name
 *     second_verifier = "auto"                             # optional: on, auto, off
 */
import { dirname, resolve } from 'node:path';
import { parse } from 'smol-toml';
import { isTidegateError, TidegateError } from '../errors.ts';
import { schemeOf } from '../storage/address.ts';
import { type FileSystem, nodeFileSystem } from '../storage/file-system.ts';
import { parseBaseUrl } from '../storage/http-address.ts';
import { readPlainFile } from '../storage/plain-file.ts';
import { parseVersionLock } from '../waves/choose.ts';
import { isLabel, labelForm } from '../waves/own-members.ts';
import { checkSeed, seedOf } from '../waves/seed.ts';
import type { HostFacts } from './agent.ts';
import { isSlotSize, slotSizeRule } from './slots.ts';

export interface AgentConfig {
  readonly trustedRoot: Uint8Array;
  readonly metadata: readonly string[];
  readonly targets: readonly string[];
  readonly stateDirectory: string;
  readonly slotsDirectory: string;
  readonly slotSize: number;
  readonly host: HostFacts;
  readonly secondVerifier: 'on' | 'auto' | 'off';
}

/** Labels of one host. */
const maxLabels = 64;
const CONFIG_LIMIT = 64 * 1024;
const ROOT_LIMIT = 1024 * 1024;
const known = [
  ...['root', 'metadata_base_url', 'targets_base_url', 'state_directory', 'slots_directory', 'slot_size'],
  ...['variant', 'arch', 'seed', 'host_id', 'version_lock', 'ignore_waves', 'labels', 'second_verifier'],
];

/** Codes config-invalid naming the file and the entry, not-a-plain-file, disk-error. */
export async function readConfig(path: string, fs: FileSystem = nodeFileSystem): Promise<AgentConfig> {
  const entries = new Entries(path, parseToml(await readText(fs, path), path));
  const folder = dirname(path);
  return {
    trustedRoot: await readRoot(fs, entries, folder),
    metadata: entries.locations('metadata_base_url', folder),
    targets: entries.locations('targets_base_url', folder),
    stateDirectory: resolve(folder, entries.text('state_directory')),
    slotsDirectory: resolve(folder, entries.text('slots_directory')),
    slotSize: slotSizeIn(entries),
    host: hostFacts(entries),
    secondVerifier: entries.oneOf('second_verifier', ['auto', 'on', 'off']),
  };
}

function hostFacts(entries: Entries): HostFacts {
  return {
    variant: entries.text('variant'),
    arch: entries.text('arch'),
    seed: seedIn(entries),
    versionLock: versionLockIn(entries),
    ignoreWaves: entries.flag('ignore_waves'),
    labels: labelsIn(entries),
  };
}

function labelsIn(entries: Entries): readonly string[] {
  const labels = entries.texts('labels');
  const wrong = labels.find((label) => !isLabel(label));
  if (labels.length > maxLabels) entries.refuse('labels', `found ${labels.length}`, `at most ${maxLabels}`);
  return wrong === undefined ? labels : entries.refuse('labels', found(wrong), labelForm);
}

function seedIn(entries: Entries): number {
  const hostId = entries.optionalText('host_id');
  if (!entries.has('seed') && hostId !== undefined) return seedOf(hostId);
  if (hostId !== undefined) entries.refuse('host_id', 'found both seed and host_id', 'one of them');
  return checkSeed(entries.integer('seed'), `${entries.path}: seed`);
}

function versionLockIn(entries: Entries): string | undefined {
  const lock = entries.optionalText('version_lock');
  return entries.checked('version_lock', () => {
    parseVersionLock(lock);
    return lock;
  });
}

function slotSizeIn(entries: Entries): number {
  const size = entries.integer('slot_size');
  return isSlotSize(size) ? size : entries.refuse('slot_size', found(size), slotSizeRule);
}

function parseToml(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    throw new TidegateError('config-invalid', `${path}: ${reason}`, { path }, { cause: error });
  }
}

async function readText(fs: FileSystem, path: string): Promise<string> {
  const file = await readPlainFile(fs, path, CONFIG_LIMIT);
  if (file !== undefined) return new TextDecoder().decode(file.bytes);
  const text = `${path} does not exist. It is the configuration of this host; --config names another.`;
  throw new TidegateError('config-invalid', text, { path });
}

async function readRoot(fs: FileSystem, entries: Entries, folder: string): Promise<Uint8Array> {
  const path = resolve(folder, entries.text('root'));
  const file = await readPlainFile(fs, path, ROOT_LIMIT);
  return file?.bytes ?? entries.refuse('root', `${path} does not exist`, 'the trusted root of this host');
}

class Entries {
  readonly path: string;
  readonly #entries: Readonly<Record<string, unknown>>;

  constructor(path: string, entries: Readonly<Record<string, unknown>>) {
    this.path = path;
    this.#entries = entries;
    for (const name of Object.keys(entries)) {
      if (!known.includes(name)) this.refuse(name, 'found an unknown entry', `one of ${known.join(', ')}`);
    }
  }

  has(name: string): boolean {
    return this.#entries[name] !== undefined;
  }

  text(name: string): string {
    const value = this.#entries[name];
    if (typeof value === 'string' && value !== '') return value;
    return this.refuse(name, found(value), 'a text');
  }

  optionalText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined;
  }

  /** A list of texts; nothing is an empty one. */
  texts(name: string): readonly string[] {
    const value = this.#entries[name] ?? [];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.map((one) =>
      typeof one === 'string' ? one : this.refuse(name, found(one), 'a list of texts'),
    );
  }

  integer(name: string): number {
    const value = this.#entries[name];
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    return this.refuse(name, found(value), 'an integer');
  }

  flag(name: string): boolean {
    const value = this.#entries[name] ?? false;
    return typeof value === 'boolean' ? value : this.refuse(name, found(value), 'true or false');
  }

  /** The first is the default. */
  oneOf<T extends string>(name: string, values: readonly [T, ...T[]]): T {
    const value = this.#entries[name] ?? values[0];
    return (
      values.find((one) => one === value) ?? this.refuse(name, found(value), `one of ${values.join(', ')}`)
    );
  }

  /** Addresses stay; paths start from the folder. */
  locations(name: string, folder: string): readonly string[] {
    const value = this.#entries[name];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.length === 0) this.refuse(name, 'found an empty list', 'an address or a list of them');
    return list.map((one) => {
      if (typeof one !== 'string' || one === '') return this.refuse(name, found(one), 'an address');
      const scheme = schemeOf(one);
      if (scheme === undefined) return resolve(folder, one);
      if (scheme === 'http' || scheme === 'https') this.checked(name, () => parseBaseUrl(one));
      // Not the rest of it: it may hold a password.
      else if (scheme !== 'file')
        this.refuse(name, `found ${scheme}://`, 'http://, https://, file:// or a path');
      return one;
    });
  }

  /** The result of a rule, its config-invalid told as one of this entry. */
  checked<T>(name: string, rule: () => T): T {
    try {
      return rule();
    } catch (error) {
      if (!isTidegateError(error, 'config-invalid')) throw error;
      const text = `${this.path}: ${name}: ${error.message}`;
      throw new TidegateError('config-invalid', text, { ...error.details, path: this.path, entry: name });
    }
  }

  refuse(name: string, what: string, expected: string): never {
    const text = `${this.path}: ${name}: ${what}, expected ${expected}`;
    throw new TidegateError('config-invalid', text, { path: this.path, entry: name, expected });
  }
}

function found(value: unknown): string {
  return value === undefined ? 'found nothing' : `found ${JSON.stringify(value)}`;
}
