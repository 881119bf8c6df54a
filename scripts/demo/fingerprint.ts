/**
 * Everything on a host's disk that decides what it runs and what it believes, as one hash: trusted metadata, floors,
 * boot flags, records of the slots and the image of the running slot. Left out are
 * - the agent's notebook, in which it writes down that something was refused;
 * - the image of the inactive slot as long as no record vouches for it: it is rubbish that cannot boot.
 */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { measure } from './compression.ts';

const notebook = 'agent.json';
const record = 'content.json';
const image = 'image.img';

export async function fingerprint(directory: string): Promise<string> {
  const hash = createHash('sha256');
  for (const path of filesOf(directory)) {
    hash.update(`${relative(directory, path)}\0${await fingerprintOf(path)}\n`);
  }
  return hash.digest('hex');
}

function filesOf(directory: string): readonly string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const names = new Set(entries.map((entry) => join(entry.parentPath, entry.name)));
  return entries
    .filter((entry) => !entry.isDirectory() && entry.name !== notebook)
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.endsWith(`/${image}`) || names.has(join(dirname(path), record)))
    .sort();
}

async function fingerprintOf(path: string): Promise<string> {
  const status = lstatSync(path);
  if (status.isSymbolicLink()) return `link ${readlinkSync(path)}`;
  const { length, sha256 } = await measure(path);
  return `${status.mode.toString(8)} ${length} ${sha256}`;
}
