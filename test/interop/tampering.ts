/** Copies of a published folder in which somebody without keys altered one thing. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Repository } from './peers.ts';

export interface Copy extends Repository {
  /** The target that is asked for: what was altered is on the way to it. */
  readonly target: string;
  readonly end: () => void;
}

export interface Tampering {
  readonly name: string;
  /** undefined: there is no such thing in this repository. */
  readonly apply: (repository: Repository, target: string) => Copy | undefined;
}

/** Returns whether it found what to alter. */
type Alter = (metadata: string, folder: string, target: string) => boolean;

export function copyOf(repository: Repository, target: string): Copy {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-tampered-'));
  cpSync(repository.folder, folder, { recursive: true });
  return {
    ...repository,
    folder,
    target,
    end: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function tampering(name: string, alter: Alter): Tampering {
  return {
    name,
    apply: (repository, target) => {
      const copy = copyOf(repository, target);
      const folders = [copy.metadata, copy.targetsFolder].map((name) => join(copy.folder, name));
      if (alter(folders[0] ?? '', folders[1] ?? '', target)) return copy;
      copy.end();
      return undefined;
    },
  };
}

function newest(folder: string, role: string): string | undefined {
  const pattern = new RegExp(`^(\\d+)\\.${role}\\.json$`);
  const versions = readdirSync(folder).flatMap((name) => pattern.exec(name)?.[1] ?? []);
  if (versions.length > 0) return `${Math.max(...versions.map(Number))}.${role}.json`;
  // Without consistent snapshots.
  return existsSync(join(folder, `${role}.json`)) ? `${role}.json` : undefined;
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
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const name = target.slice(target.lastIndexOf('/') + 1);
    const [file] = files.filter((path) => path.endsWith(`.${name}`) || path === name);
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

/** A refusal for what was altered, in the words of any client, and not because the test itself went wrong. */
export async function assertRefused(reading: Promise<unknown>, what: string): Promise<void> {
  await assert.rejects(
    reading,
    (error: Error) => {
      assert.match(error.message, /mismatch|sha256|expected hash|signature|signed by/i, what);
      return true;
    },
    `${what} was not noticed`,
  );
}
