/**
 * Repositories that other tools made (test/fixtures/adopt), in folders that a test may damage, and the private halves of
 * their throw-away keys: the ed25519 seed of NAME is SHA-256("tidegate fixture NAME"), the P-256 scalar likewise.
 */
import { createHash, createPrivateKey, type KeyObject } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type TargetFile, Updater } from 'tuf-js';
import { type AdoptionResult, type AdoptOptions, adopt } from '../../src/signer/adopt/adopt.ts';
import { findSource } from '../../src/signer/adopt/source.ts';
import { developmentKeyFile } from '../../src/signer/keys/key-file.ts';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { startPlainServer } from './plain-server.ts';

export const fixtures = [
  'tuftool',
  'pubsys',
  'chain',
  'plain',
  'labelled',
  'deep',
  'tuf-on-ci',
  'rstuf',
] as const;
export type Fixture = (typeof fixtures)[number];

/** A day on which every fixture is valid. */
export const today = Date.parse('2030-05-01T12:00:00Z');

const shelf = join(import.meta.dirname, '..', 'fixtures', 'adopt');

/** A folder of its own, with the repositories of others in `NAME/`. */
export interface AdoptionScene {
  readonly folder: string;
  /** The folder of a repository, copied when it is first asked for. */
  of(fixture: Fixture): string;
  /** The workspace that is to be made. */
  readonly workspace: string;
  adopt(fixture: Fixture, options?: Partial<AdoptOptions>): Promise<AdoptionResult>;
  end(): void;
}

export function adoptionScene(): AdoptionScene {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-adopt-'));
  const copied = new Set<Fixture>();
  const workspace = join(folder, 'workspace');
  const scene: AdoptionScene = {
    folder,
    workspace,
    of: (fixture) => {
      const path = join(folder, fixture);
      if (!copied.has(fixture)) cpSync(join(shelf, fixture), path, { recursive: true });
      copied.add(fixture);
      return path;
    },
    adopt: async (fixture, options = {}) =>
      await adopt(workspace, { ...optionsFor(scene, fixture), ...options }),
    end: () => rmSync(folder, { recursive: true, force: true }),
  };
  return scene;
}

export function optionsFor(scene: AdoptionScene, fixture: Fixture): AdoptOptions {
  const location = scene.of(fixture);
  const fleets = [{ variant: 'aws-dev', arch: 'x86_64' }];
  return {
    location,
    root: rootOf(scene, fixture),
    name: 'example/adopted',
    store: join(scene.folder, 'public'),
    now: today,
    ...(fixture === 'pubsys' && { fleets }),
  };
}

export function metadataFolder(scene: AdoptionScene, fixture: Fixture): string {
  return join(scene.of(fixture), fixture === 'pubsys' ? 'aws-dev/x86_64' : 'metadata');
}

export function rootOf(scene: AdoptionScene, fixture: Fixture, version = 1): Uint8Array {
  return new Uint8Array(readFileSync(join(metadataFolder(scene, fixture), `${version}.root.json`)));
}

export async function sourceOf(scene: AdoptionScene, fixture: Fixture) {
  return await findSource({ location: scene.of(fixture) }, undefined);
}

/** Puts the private half of a fixture's key into a workspace. */
export function putPrivateKey(
  workspace: string,
  name: string,
  seed = name,
  kind: 'ed25519' | 'p256' = 'ed25519',
): void {
  const path = join(workspace, 'keys', `${name}.key.json`);
  writeFileSync(path, developmentKeyFile(privateKeyOf(seed, kind), path), { mode: 0o600 });
}

export function privateKeyOf(name: string, kind: 'ed25519' | 'p256' = 'ed25519'): KeyObject {
  const seed = createHash('sha256').update(`tidegate fixture ${name}`).digest();
  if (kind === 'ed25519') {
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  }
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const scalar = (BigInt(`0x${seed.toString('hex')}`) % (order - 1n)) + 1n;
  const octets = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
  const head = Buffer.from('30310201010420', 'hex');
  const curve = Buffer.from('a00a06082a8648ce3d030107', 'hex');
  return createPrivateKey({ key: Buffer.concat([head, octets, curve]), format: 'der', type: 'sec1' });
}

/** Every file below a folder, by its name there. */
export function filesIn(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(names.sort().map((path) => [relative(folder, path), readFileSync(path).toString('base64')]));
}

/**
 * tuf-js, unmodified, as a client that trusts an old root and reads over HTTP.
 *
 * @returns the contents of targets, and the version of the root that it came to
 */
export async function readWithTufJs(
  store: string,
  { root, metadata = 'metadata', names }: { root: Uint8Array; metadata?: string; names: readonly string[] },
): Promise<{ readonly contents: readonly string[]; readonly root: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'tidegate-peer-'));
  const server = await startPlainServer(new DirectoryStore(store));
  try {
    writeFileSync(join(directory, 'root.json'), root);
    mkdirSync(join(directory, 'targets'));
    const updater = new Updater({
      metadataDir: directory,
      metadataBaseUrl: `${server.origin}/${metadata}`,
      targetDir: join(directory, 'targets'),
      targetBaseUrl: `${server.origin}/targets`,
    });
    await updater.refresh();
    const contents: string[] = [];
    for (const name of names) {
      const target: TargetFile | undefined = await updater.getTargetInfo(name);
      if (target === undefined) throw new Error(`tuf-js finds no target ${name}`);
      contents.push(readFileSync(await updater.downloadTarget(target), 'utf8'));
    }
    const trusted = JSON.parse(readFileSync(join(directory, 'root.json'), 'utf8'));
    return { contents, root: trusted.signed.version };
  } finally {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
