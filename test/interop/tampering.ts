/** Copies of a published folder in which somebody without keys altered one thing. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Repository } from './peers.ts';
import type { Scene } from './scenes.ts';

export interface Copy extends Repository {
  /** The target that is asked for: what was altered is on the way to it. */
  readonly target: string;
  readonly end: () => void;
}

export interface Tampering {
  readonly name: string;
  /** undefined: there is no such thing in this repository. */
  readonly apply: (scene: Scene) => Copy | undefined;
}

/** Returns whether it found what to alter. */
type Alter = (metadata: string, folder: string, target: string) => boolean;

export function copyOf(scene: Scene, target: string): Copy {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-tampered-'));
  cpSync(scene.folder, folder, { recursive: true });
  const { metadata, targetsFolder } = scene;
  return {
    folder,
    metadata,
    targetsFolder,
    target,
    end: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function tampering(name: string, alter: Alter): Tampering {
  return {
    name,
    apply: (scene) => {
      // The last one: with delegations, a delegated role lists it.
      const target = [...scene.targets.keys()].at(-1) ?? '';
      const copy = copyOf(scene, target);
      if (alter(join(copy.folder, scene.metadata), join(copy.folder, scene.targetsFolder), target))
        return copy;
      copy.end();
      return undefined;
    },
  };
}

function newest(folder: string, role: string): string | undefined {
  const pattern = new RegExp(`^(\\d+)\\.${role}\\.json$`);
  const versions = readdirSync(folder).flatMap((name) => pattern.exec(name)?.[1] ?? []);
  return versions.length === 0 ? undefined : `${Math.max(...versions.map(Number))}.${role}.json`;
}

/** Lets a role live for ten years more, in as many bytes. */
function prolong(file: string): boolean {
  const text = readFileSync(file, 'utf8');
  const longer = text.replace(
    /("expires": *"20)(\d)/,
    (_, head: string, digit: string) => head + (Number(digit) + 1),
  );
  assert.notEqual(longer, text, `${file} has no expiry`);
  writeFileSync(file, longer);
  return true;
}

function ofRole(role: string): Tampering {
  return tampering(`${role} prolonged`, (metadata) => {
    const file = role === 'timestamp' ? 'timestamp.json' : newest(metadata, role);
    return file !== undefined && prolong(join(metadata, file));
  });
}

export const tamperings: readonly Tampering[] = [
  tampering('a byte of the target altered', (_, folder, target) => {
    const [file] = readdirSync(folder).filter((name) => name.endsWith(`.${target}`));
    if (file === undefined) throw new Error(`No file of ${target} is published.`);
    const bytes = readFileSync(join(folder, file));
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    writeFileSync(join(folder, file), bytes);
    return true;
  }),
  ofRole('targets'),
  ofRole('images'),
  ofRole('snapshot'),
  ofRole('timestamp'),
  tampering('a next root that nobody signed', (metadata) => {
    const last = newest(metadata, 'root') ?? '';
    const version = Number.parseInt(last, 10);
    const text = readFileSync(join(metadata, last), 'utf8');
    const next = text.replace(new RegExp(`("version": *)${version}\\b`), `$1${version + 1}`);
    assert.notEqual(next, text, `${last} has no version`);
    writeFileSync(join(metadata, `${version + 1}.root.json`), next);
    return true;
  }),
  tampering('the timestamp signed by somebody else', (metadata) => {
    const file = join(metadata, 'timestamp.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(
      file,
      text.replace(
        /("sig": *"[0-9a-f]{20})(.)/,
        (_, head: string, digit: string) => head + (digit === '0' ? '1' : '0'),
      ),
    );
    return true;
  }),
];
