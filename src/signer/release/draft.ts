/**
 * Drafts: releases that wait for publication, each a small file of the workspace, written durably. A draft holds what
 * was found when its images were read; the images themselves stay where they are.
 */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../metadata/json.ts';
import { formatJson, jsonOf } from '../../metadata/json-writer.ts';
import { parsePortableTargetPath, type TargetPath } from '../../metadata/target-path.ts';
import { onDisk } from '../../storage/disk-error.ts';
import { createDurably, makeFolders, removeDurably } from '../../storage/durable-file.ts';
import { readPlainFile, statusIfAny } from '../../storage/plain-file.ts';
import type { ReleaseId } from '../../waves/release.ts';
import { type Spread, spreads } from '../../waves/wave.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { ImageFile } from './image-file.ts';

export interface DraftImage extends ImageFile {
  /** boot, root, hash or image */
  readonly kind: string;
  readonly target: TargetPath;
}

export interface Draft extends ReleaseId {
  readonly maxVersion?: string;
  readonly images: readonly DraftImage[];
  /** The name of a policy; undefined: open to everyone at once. */
  readonly wavePolicy?: string;
  /** Milliseconds since the epoch; undefined: when it is published. */
  readonly startTime?: number;
  readonly spread: Spread;
  /** The delegated role that lists the images; undefined: the top-level one. */
  readonly role?: string;
  /** It was withdrawn once, and is to be offered again all the same. */
  readonly readmit?: boolean;
  /** Hosts below must run it before anything above it. */
  readonly barrier?: boolean;
}

const maxDraftLength = 65_536;
const limits = { maxDepth: 8, maxValues: 512, maxDigits: 16 };

/** `variant~arch~version`: none of the three may hold a `~`. */
export function draftName({ variant, arch, version }: ReleaseId): string {
  return `${variant}~${arch}~${version}`;
}

function draftsFolder(workspace: Workspace): string {
  return join(workspace.directory, 'drafts');
}

/** @throws release-invalid when there is a draft of this release already */
export async function writeDraft(workspace: Workspace, draft: Draft): Promise<void> {
  const path = join(draftsFolder(workspace), `${draftName(draft)}.json`);
  const { fileSystem: fs, directory } = workspace;
  await makeFolders(fs, path, { within: directory, mode: 0o700 });
  const { images, ...rest } = draft;
  const json = jsonOf({ format: 1, ...rest, images: images.map((image) => ({ ...image })) });
  const bytes = new TextEncoder().encode(formatJson(json));
  if ((await createDurably(fs, path, bytes, { mode: 0o600 })) === 'created') return;
  const name = draftName(draft).replaceAll('~', ' ');
  const text = `release ${name} is a draft already; take it back first: tidegate release drop ${name}`;
  throw new TidegateError('release-invalid', text, { path });
}

/** All drafts, by name. @throws workspace-invalid for one that is damaged */
export async function readDrafts(workspace: Workspace): Promise<readonly Draft[]> {
  const folder = draftsFolder(workspace);
  const { fileSystem: fs } = workspace;
  if ((await statusIfAny(fs, folder)) === undefined) return [];
  const entries = await onDisk('list', folder, () => fs.entries(folder));
  const names = entries.map(({ name }) => name).filter((name) => name.endsWith('.json'));
  const drafts: Draft[] = [];
  for (const name of names.sort()) {
    const file = await readPlainFile(fs, join(folder, name), maxDraftLength);
    if (file !== undefined) drafts.push(parseDraft(file.bytes, join(folder, name)));
  }
  return drafts;
}

/** Takes a draft back; 'absent' when there is none. */
export async function removeDraft(workspace: Workspace, release: ReleaseId): Promise<'removed' | 'absent'> {
  const folder = draftsFolder(workspace);
  const path = join(folder, `${draftName(release)}.json`);
  if ((await statusIfAny(workspace.fileSystem, folder)) === undefined) return 'absent';
  return await removeDurably(workspace.fileSystem, path);
}

function parseDraft(bytes: Uint8Array, path: string): Draft {
  const json = parseJson(bytes, limits, path);
  if (!isJsonObject(json) || json.get('format') !== 1) throw damaged(path, 'the format');
  const images = json.get('images');
  const [wavePolicy, startTime, maxVersion, role] = ['wavePolicy', 'startTime', 'maxVersion', 'role'].map(
    (name) => json.get(name),
  );
  const spread = spreads.find((name) => name === json.get('spread'));
  if (!Array.isArray(images) || spread === undefined) throw damaged(path, 'images or spread');
  return {
    variant: text(json, 'variant', path),
    arch: text(json, 'arch', path),
    version: text(json, 'version', path),
    images: images.map((image: JsonValue) => parseImage(image, path)),
    spread,
    ...(typeof wavePolicy === 'string' && { wavePolicy }),
    ...(typeof startTime === 'number' && { startTime }),
    ...(typeof maxVersion === 'string' && { maxVersion }),
    ...(typeof role === 'string' && { role }),
    ...(json.get('readmit') === true && { readmit: true }),
    ...(json.get('barrier') === true && { barrier: true }),
  };
}

function parseImage(image: JsonValue, file: string): DraftImage {
  if (!isJsonObject(image)) throw damaged(file, 'an image');
  const sha256 = text(image, 'sha256', file);
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw damaged(file, 'sha256');
  return {
    kind: text(image, 'kind', file),
    target: parsePortableTargetPath(text(image, 'target', file)),
    path: text(image, 'path', file),
    length: number(image, 'length', file),
    sha256,
    modified: number(image, 'modified', file),
  };
}

function text(json: JsonObject, name: string, path: string): string {
  const value = json.get(name);
  if (typeof value === 'string') return value;
  throw damaged(path, name);
}

function number(json: JsonObject, name: string, path: string): number {
  const value = json.get(name);
  if (typeof value === 'number') return value;
  throw damaged(path, name);
}

function damaged(path: string, what: string): TidegateError {
  return new TidegateError(
    'workspace-invalid',
    `${path}: ${what} is missing or wrong; take the draft back and add it again`,
    {
      path,
    },
  );
}
