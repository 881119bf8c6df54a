/**
 * The images of the two releases, from one of three sources: what npm installed here, two Debian systems, or a folder
 * of the user's own files. All are real; what is published is what this file names, byte for byte.
 */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TidegateError } from '../../src/errors.ts';
import { formatBytes } from '../../src/terminal.ts';
import { type Content, compress, expand } from './compression.ts';
import { buildDebianImages } from './debian-images.ts';
import { installedEntries, packImage } from './image-pack.ts';
import type { ArchiveEntry } from './ustar.ts';

/** One release's image. */
export interface DemoImage {
  readonly version: string;
  /** The file to publish, under its own name. */
  readonly path: string;
  readonly publishedLength: number;
  /** What a host's slot holds afterwards. */
  readonly content: Content;
  /** What it is made of, for people. */
  readonly description: string;
}

export interface ImageSet {
  /** In the order of their versions; the first is what the fleet runs from the factory. */
  readonly images: readonly [DemoImage, DemoImage, ...DemoImage[]];
  /** The first image, expanded: the model of the factory's slots. */
  readonly factory: string;
}

export interface ImageRequest {
  /** `npm`, `debian`, or a folder. */
  readonly source: string;
  /** The folder that holds node_modules. */
  readonly repository: string;
  /** An empty folder to build in. */
  readonly folder: string;
  readonly signal: AbortSignal;
  note(line: string): void;
}

/** A file to be published, before it is measured. */
export interface Unmeasured {
  readonly path: string;
  readonly description: string;
}

/** For people: "95.7 MB, 20.1 MB compressed". */
export function sizeText({ content, publishedLength }: DemoImage): string {
  const size = formatBytes(content.length);
  return content.length === publishedLength ? size : `${size}, ${formatBytes(publishedLength)} compressed`;
}

export async function makeImages(request: ImageRequest): Promise<ImageSet> {
  const [first, second, ...others] = await unmeasuredImages(request);
  if (first === undefined || second === undefined) throw tooFew(request.source);
  const factory = join(request.folder, 'factory.img');
  const images: [DemoImage, DemoImage, ...DemoImage[]] = [
    await measured(first, '1.0.0', factory, request.signal),
    await measured(second, '1.1.0', undefined, request.signal),
  ];
  for (const [index, image] of others.entries())
    images.push(await measured(image, `1.${index + 2}.0`, undefined, request.signal));
  return { images, factory };
}

/** What can be known of a source before anything is made. @throws usage */
export function checkImageSource(source: string): void {
  if (source === 'npm' || source === 'debian') return;
  const images = ownImages(source);
  if (images.length < 2) throw tooFew(source);
  const empty = images.find(({ path }) => statSync(path).size === 0);
  if (empty !== undefined) throw new TidegateError('usage', `${empty.path} is empty, expected an image`);
}

function tooFew(source: string): TidegateError {
  return new TidegateError('usage', `--images ${source}: expected a folder with two images or more`);
}

async function unmeasuredImages(request: ImageRequest): Promise<readonly Unmeasured[]> {
  if (request.source === 'npm') return await buildInstalledImages(request);
  if (request.source !== 'debian') return ownImages(request.source);
  const built = await buildDebianImages(request);
  return await Promise.all(built.map((image) => compressed(image, request)));
}

async function buildInstalledImages(request: ImageRequest): Promise<readonly Unmeasured[]> {
  const { base, extended } = installedEntries(request.repository);
  const pack = async (entries: readonly ArchiveEntry[], file: string, text: string): Promise<Unmeasured> => {
    const path = join(request.folder, file);
    const { files } = packImage(entries, path);
    return await compressed({ path, description: `${text}, ${files} files` }, request);
  };
  return await Promise.all([
    pack(base, 'system-1.0.0.img', 'what npm installed here'),
    pack(extended, 'system-1.1.0.img', 'the same and the TypeScript compiler'),
  ]);
}

async function compressed({ path, description }: Unmeasured, request: ImageRequest): Promise<Unmeasured> {
  const packed = `${path}.zst`;
  await compress(path, packed, request.signal);
  rmSync(path);
  return { path: packed, description };
}

function ownImages(folder: string): readonly Unmeasured[] {
  const path = resolve(folder);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new TidegateError(
      'usage',
      `--images ${folder}: found no folder of that name, expected one, or "debian"`,
    );
  }
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort((one, other) => (one < other ? -1 : 1))
    .map((name) => ({ path: join(path, name), description: 'your own image' }));
}

async function measured(
  { path, description }: Unmeasured,
  version: string,
  expandTo: string | undefined,
  signal: AbortSignal,
): Promise<DemoImage> {
  const publishedLength = statSync(path).size;
  return { version, path, publishedLength, content: await expand(path, expandTo, signal), description };
}
