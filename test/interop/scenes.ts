/** Repositories that people make with our commands, typed as they type them, to be read by the clients of others. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyTypes } from '../../src/signer/keys/signing-key.ts';
import { type CommandLine, commandLine, type Typed } from '../support/command-line.ts';
import type { Repository } from './peers.ts';

export interface Scene extends Repository {
  /** Files of the roots that a host may trust, the oldest first. */
  readonly roots: readonly string[];
  /** Name of each target → its content, across all roles. */
  readonly targets: ReadonlyMap<string, string>;
  /** Checks what a stranger may check, in this process. */
  readonly verify: (...options: readonly string[]) => Promise<Typed>;
  readonly end: () => void;
}

export interface SceneKind {
  readonly name: string;
  readonly make: () => Promise<Scene>;
}

const hour = 3_600_000;

/** A workspace called acme, and what is typed in it. */
class Desk {
  readonly session: CommandLine = commandLine(Date.now());
  readonly targets = new Map<string, string>();

  async type(line: string): Promise<Typed> {
    const typed = await this.session.type(line);
    assert.equal(typed.status, 0, `tidegate ${line}: ${typed.beside}`);
    return typed;
  }

  async init(options = ''): Promise<void> {
    const line = 'init acme --name example/os --variant demo/x86_64 --insecure-development-keys';
    await this.type(`${line} ${options}`.trim());
    this.session.environment.TIDEGATE_WORKSPACE = join(this.session.directory, 'acme');
  }

  path(name: string): string {
    return join(this.session.directory, name);
  }

  /** Writes a file that is to become the target of this name. */
  put(name: string, content = `content of ${name}\n`): string {
    writeFileSync(this.path(name), content);
    this.targets.set(name, content);
    return name;
  }

  async release(version: string, options = '--waves none'): Promise<void> {
    // Longer than one read of a network or a file.
    const image = this.put(`disk-${version}.img`, `image of ${version}, ä é\n`.repeat(10_000));
    await this.type(`release add ${image} --version ${version} ${options}`);
    await this.type('publish');
  }

  editToml(from: string | RegExp, to: string): void {
    const text = readFileSync(this.path('acme/tidegate.toml'), 'utf8');
    const edited = text.replace(from, to);
    assert.notEqual(edited, text, `${from} is not in tidegate.toml`);
    writeFileSync(this.path('acme/tidegate.toml'), edited);
  }

  /** Each person signs in a folder of their own that holds the request and their key, and nothing else. */
  async signed(request: string, people: readonly string[]): Promise<string> {
    const copies = await Promise.all(
      people.map(async (person) => {
        const copy = `${person}/${request}`;
        cpSync(this.path(`acme/requests/${request}`), this.path(copy));
        await this.type(`sign ${copy} --key ${person}/${person}.key.json --digest ${this.digestOf(copy)}`);
        return copy;
      }),
    );
    return copies.join(' ');
  }

  /** Keys of people, each in a folder of its own; NAME.pub beside them. */
  async people(types: Readonly<Record<string, string>>): Promise<void> {
    for (const [person, type] of Object.entries(types)) {
      mkdirSync(this.path(person));
      await this.type(`key new ${person} --type ${type} --directory ${person} --insecure-development-keys`);
      cpSync(this.path(`${person}/${person}.pub`), this.path(`${person}.pub`));
    }
  }

  digestOf(request: string): string {
    return JSON.parse(readFileSync(this.path(request), 'utf8')).sha256;
  }

  /** Keys of the workspace to sign a request with, and the root to compare it with. */
  flags(...keys: readonly string[]): string {
    return ['--root acme/roots/1.root.json', ...keys.map((key) => `--key acme/keys/${key}.key.json`)].join(
      ' ',
    );
  }

  /** The next root, with whatever tidegate.toml wants by now, signed by keys of the workspace. */
  async nextRoot(version: number, keys: readonly string[]): Promise<void> {
    await this.type('root propose');
    await this.type(`sign acme/requests/root-${version}.request.json ${this.flags(...keys)} --yes`);
    await this.type('publish');
  }

  scene({ metadata = 'metadata' } = {}): Scene {
    const folder = this.path('acme/repository');
    const roots = readdirSync(join(folder, metadata))
      .filter((name) => name.endsWith('.root.json'))
      .sort((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10));
    return {
      folder,
      metadata,
      targetsFolder: 'targets',
      targets: this.targets,
      roots: roots.map((name) => join(folder, metadata, name)),
      verify: async (...options) =>
        await this.session.type([
          'verify',
          folder,
          '--root',
          join(folder, metadata, '1.root.json'),
          ...options,
        ]),
      end: () => this.session.end(),
    };
  }
}

function scene(name: string, make: (desk: Desk) => Promise<Scene>): SceneKind {
  return {
    name,
    make: async () => {
      const desk = new Desk();
      try {
        return await make(desk);
      } catch (error) {
        desk.session.end();
        throw error;
      }
    },
  };
}

const ofEachType: readonly SceneKind[] = keyTypes.map((type) =>
  scene(`keys of type ${type}; one root`, async (desk) => {
    await desk.init(`--key-type ${type}`);
    await desk.release('1.0.0');
    return desk.scene();
  }),
);

/** Every kind of key in root and in targets; both signed offline by two of three. */
async function ceremony(desk: Desk): Promise<Scene> {
  await desk.people({
    alice: 'ed25519',
    bob: 'ecdsa-p256',
    carol: 'rsa-pss',
    dora: 'rsa-pss',
    erin: 'ed25519',
    fred: 'ecdsa-p256',
  });
  const root = '--root-keys alice.pub,bob.pub,carol.pub --root-threshold 2';
  const targets = '--targets-keys dora.pub,erin.pub,fred.pub --targets-threshold 2';
  await desk.init(`${root} ${targets} --key-type ecdsa-p256`);
  const roots = await desk.signed('root-1.request.json', ['carol', 'bob']);
  // The first root is taken in; publication waits for the people of targets.
  const { out, beside } = await desk.session.type(`publish ${roots}`);
  assert.match(out + beside, /tidegate targets propose/);
  const image = desk.put('disk-1.0.0.img');
  await desk.type(`release add ${image} --version 1.0.0 --waves none`);
  await desk.type('targets propose');
  const signed = await desk.signed('targets-1.request.json', ['dora', 'fred']);
  await desk.type(`publish ${signed}`);
  return desk.scene();
}

/** Each new root replaces a key of root by one of another kind; the fifth shares none with the first. */
async function fiveRoots(desk: Desk): Promise<Scene> {
  await desk.init();
  await desk.release('1.0.0');
  const now = ['root-1', 'root-2', 'root-3'];
  for (const [turn, type] of ['ecdsa-p256', 'rsa-pss', 'ed25519'].entries()) {
    const [gone = '', fresh] = [now[turn], `root-${turn + 4}`];
    await desk.type(`key new ${fresh} --type ${type} --insecure-development-keys`);
    desk.editToml(new RegExp(`^(keys = .*)"${gone}"`, 'm'), `$1"${fresh}"`);
    now[turn] = fresh;
    await desk.nextRoot(turn + 2, [gone, ...now]);
  }
  await desk.nextRoot(5, now);
  await desk.release('1.1.0');
  return desk.scene();
}

/** Every online key is replaced by one of another kind, in one step. */
async function newOnlineKeys(desk: Desk): Promise<Scene> {
  await desk.init();
  await desk.release('1.0.0');
  for (const [role, type] of [
    ['timestamp', 'ecdsa-p256'],
    ['snapshot', 'rsa-pss'],
    ['targets', 'ecdsa-p256'],
  ]) {
    await desk.type(`key new ${role}-2 --type ${type} --insecure-development-keys`);
    desk.editToml(`keys = ["${role}"]`, `keys = ["${role}-2"]`);
  }
  await desk.nextRoot(2, ['root-1', 'root-2', 'root-3']);
  await desk.release('1.1.0');
  return desk.scene();
}

const timestampRotation = 'rotate timestamp --new-key --type ecdsa-p256 --insecure-development-keys';

/** Root 2 lists the old and the new key of timestamp; the new one signs. */
async function beginRotation(desk: Desk): Promise<void> {
  await desk.init();
  await desk.release('1.0.0');
  await desk.type(timestampRotation);
  await desk.type(`sign acme/requests/root-2.request.json ${desk.flags('root-1', 'root-2')} --yes`);
  await desk.type('rotate timestamp');
  desk.session.now += 2 * hour;
  await desk.type('rotate timestamp');
}

async function halfRotated(desk: Desk): Promise<Scene> {
  desk.session.now -= 2 * hour;
  await beginRotation(desk);
  return desk.scene();
}

/** The clock of the commands runs from a month ago until now. */
async function rotated(desk: Desk): Promise<Scene> {
  const now = desk.session.now;
  desk.session.now -= 720 * hour;
  await beginRotation(desk);
  desk.session.now += 240 * hour;
  await desk.type('rotate timestamp');
  await desk.type(`sign acme/requests/root-3.request.json ${desk.flags('root-2', 'root-3')} --yes`);
  await desk.type('rotate timestamp');
  desk.session.now = now;
  await desk.type('rotate root --old root-1 --new-key --type rsa-pss --insecure-development-keys');
  const [request = ''] = readdirSync(desk.path('acme/requests')).filter((name) =>
    name.startsWith('root-4.r'),
  );
  await desk.type(`sign acme/requests/${request} ${desk.flags('root-1', 'root-2', 'root-3')} --yes`);
  await desk.type('rotate root');
  await desk.release('1.1.0');
  return desk.scene();
}

async function delegations(desk: Desk): Promise<Scene> {
  await desk.init('--key-type ecdsa-p256');
  for (const [key, type] of [
    ['gina', 'ed25519'],
    ['hugo', 'ecdsa-p256'],
    ['ines', 'rsa-pss'],
  ])
    await desk.type(`key new ${key} --type ${type} --insecure-development-keys`);
  await desk.type('delegate add firmware --keys gina,hugo,ines --threshold 2 --paths fw-*,driver-?.bin');
  await desk.type('delegate add images --keys hugo --paths disk-* --terminating');
  await desk.type('delegate add rest --keys ines --paths *.bin');
  writeFileSync(
    desk.path('meta.json'),
    '{"board": "a7", "revision": 3, "tags": ["stable", "ä"], "signed": true}',
  );
  await desk.type(`target add ${desk.put('fw-7.bin')} --role firmware --custom @meta.json`);
  await desk.type(`target add ${desk.put('driver-a.bin')} --role firmware`);
  await desk.type(`target add ${desk.put('other.bin')} --role rest`);
  await desk.type(`target add ${desk.put('eula.txt')} --custom @meta.json`);
  await desk.release('1.0.0', '--waves none --role images');
  return desk.scene();
}

/** Releases with waves, a target that went, and everything that expires signed anew. */
async function refreshed(desk: Desk): Promise<Scene> {
  await desk.init();
  await desk.type(`target add ${desk.put('old.txt')}`);
  await desk.release('1.0.0', '--start-time 2026-01-01T00:00:00Z');
  await desk.type('target remove old.txt');
  desk.targets.delete('old.txt');
  await desk.release('1.1.0-rc.1+build.7', '--start-time 2030-01-01T00:00:00Z');
  await desk.type('refresh --force');
  await desk.type('refresh --force');
  return desk.scene();
}

/** Two variants in repositories of their own, with roots and files in common. */
function bottlerocket(variant: string): SceneKind {
  return scene(`Bottlerocket's layout, ${variant} of two`, async (desk) => {
    await desk.init('--template bottlerocket --variant aws-k8s/aarch64 --key-type rsa-pss');
    const [name, arch] = variant.split('/');
    for (const [which, architecture] of [
      ['demo', 'x86_64'],
      ['aws-k8s', 'aarch64'],
    ]) {
      const images = ['boot', 'root', 'hash'].map((kind) => {
        writeFileSync(desk.path(`${which}-${kind}.lz4`), `${kind} of ${which}\n`);
        return `${kind}=${which}-${kind}.lz4`;
      });
      const flags = `--version 1.0.0 --naming kept --variant ${which} --arch ${architecture}`;
      await desk.type(`release add ${images.join(' ')} ${flags} --start-time 2030-01-01T00:00:00Z`);
      if (which === name)
        for (const kind of ['boot', 'root', 'hash'])
          desk.targets.set(`${which}-${kind}.lz4`, `${kind} of ${which}\n`);
    }
    await desk.type('publish');
    await desk.nextRoot(2, ['root-1', 'root-2']);
    return desk.scene({ metadata: `${name}/${arch}` });
  });
}

export const sceneKinds: readonly SceneKind[] = [
  ...ofEachType,
  scene('root and targets 2 of 3 by signing requests, keys of all types', ceremony),
  scene('five roots, every key of root replaced', fiveRoots),
  scene('new keys of every other type for targets, snapshot and timestamp', newOnlineKeys),
  scene('tidegate rotate timestamp, half done: old and new key listed, the new one signs', halfRotated),
  scene('tidegate rotate timestamp and root, done: four roots', rotated),
  scene('delegations: several paths, 2 of 3, terminating, custom', delegations),
  scene('waves, a target that went, refreshed twice', refreshed),
  bottlerocket('demo/x86_64'),
  bottlerocket('aws-k8s/aarch64'),
];

/** Three releases of Bottlerocket's layout, spread as shipped updog spreads them: at once, and in the default waves. */
export async function manifestScene(): Promise<Scene> {
  const desk = new Desk();
  await desk.init('--template bottlerocket');
  for (const [version, waves] of [
    ['1.0.0', '--waves none'],
    ['1.1.0', '--start-time 2029-12-25T00:00:00Z'],
    ['1.2.0', '--start-time 2030-01-01T00:00:00Z'],
  ]) {
    const images = ['boot', 'root', 'hash'].map((kind) => `${kind}=${desk.put(`${kind}-${version}.lz4`)}`);
    await desk.type(`release add ${images.join(' ')} --version ${version} ${waves} --spread shipped`);
    await desk.type('publish');
  }
  return desk.scene({ metadata: 'demo/x86_64' });
}
