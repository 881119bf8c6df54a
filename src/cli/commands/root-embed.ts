/** `tidegate root embed`: the root for an OS image, and a check for the build of one. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { TidegateError } from '../../errors.ts';
import { formatTime } from '../../metadata/time.ts';
import type { EmbeddedRoot } from '../../signer/root-embed.ts';
import { locationFrom } from '../../storage/address.ts';
import { writeDurably } from '../../storage/durable-file.ts';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { formatDuration, printableLine } from '../../terminal.ts';
import type { Surroundings } from '../surroundings.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

interface EmbedCommandOptions extends WorkspaceOptions {
  readonly check?: string;
  readonly url?: string;
  readonly output?: string;
  readonly dryRun?: true;
}

const help = `
Without --check: the last root that is public. With it: fails unless FILE is public, byte for byte, and hosts can go
on from it to the last one; the last step of an image's build. A root that expired over a year ago is refused.

Compare what is printed with what the key holders have: over another channel, by the words.

Examples:
  tidegate root embed --output image/usr/share/tidegate/root.json
  tidegate root embed --check image/usr/share/tidegate/root.json
  tidegate root embed --check root.json --url https://updates.example.com
`;

export function defineEmbed(command: Command, surroundings: Surroundings): void {
  addWorkspaceOption(
    command.command('embed').description('Give out the root for an OS image, or check the one in an image.'),
  )
    .option('--output <file>', 'write it there, whole or not at all')
    .option('--check <file>', 'check this root instead')
    .option('--url <location>', 'with --check: where it must be public (default: the store of the workspace)')
    .option('--dry-run', 'with --output: write nothing')
    .addHelpText('after', help)
    .action((options: EmbedCommandOptions) => embed(options, surroundings));
}

async function embed(options: EmbedCommandOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, directory } = surroundings;
  const { check, output, dryRun = false } = options;
  if (check !== undefined && output !== undefined)
    throw new TidegateError('usage', '--check writes nothing; expected it without --output');
  const root = await (check === undefined
    ? newest(options, surroundings)
    : checked(check, options, surroundings));
  for (const line of rootLines(root, surroundings.now())) terminal.print(printableLine(line));
  let state: 'checked' | 'written' | 'present' | 'shown' = check === undefined ? 'shown' : 'checked';
  if (output !== undefined && !dryRun) state = await write(resolve(directory, output), root.bytes);
  if (state === 'checked') terminal.print('this root may be embedded');
  if (state === 'written') terminal.print(`written to ${output}`);
  if (state === 'present') terminal.print(`${output} is this root already`);
  if (state === 'shown' && output !== undefined) terminal.print('nothing was written');
  terminal.printJson({ ...rootData(root), state });
}

async function newest(options: EmbedCommandOptions, surroundings: Surroundings): Promise<EmbeddedRoot> {
  if (options.url !== undefined)
    throw new TidegateError(
      'usage',
      '--url goes with --check: an address alone is no reason to trust a root',
    );
  const { newestPublicRoot } = await import('../../signer/root-embed.ts');
  const workspace = await openChosenWorkspace(options, surroundings);
  const { signal, now } = surroundings;
  return await newestPublicRoot(workspace, { now: now(), signal });
}

async function checked(
  file: string,
  options: EmbedCommandOptions,
  surroundings: Surroundings,
): Promise<EmbeddedRoot> {
  const { directory, signal, now } = surroundings;
  const [{ checkEmbeddedRoot }, { placesOfWorkspace }, { placeAt }] = await Promise.all([
    import('../../signer/root-embed.ts'),
    import('../../signer/expiry/expiration-check.ts'),
    import('../../signer/expiry/public-place.ts'),
  ]);
  const bytes = await readRoot(resolve(directory, file));
  const { url } = options;
  const places =
    url === undefined
      ? await placesOfWorkspace(await openChosenWorkspace(options, surroundings), signal)
      : [await placeAt(locationFrom(directory, url), bytes, signal)];
  return await checkEmbeddedRoot(bytes, places, now());
}

async function readRoot(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new TidegateError('usage', `--check: ${path} cannot be read`, { path }, { cause });
  }
}

/** A file that is the same already keeps its time, so that a build stays what it is. */
async function write(path: string, bytes: Uint8Array): Promise<'written' | 'present'> {
  const there = await readFile(path).catch(() => undefined);
  if (there !== undefined && Buffer.compare(there, bytes) === 0) return 'present';
  await writeDurably(nodeFileSystem, path, bytes, { mode: 0o644 });
  return 'written';
}

function rootLines(root: EmbeddedRoot, now: number): readonly string[] {
  const {
    version,
    repository = 'a repository without a name',
    expires,
    threshold,
    keys,
    sha256,
    latest,
  } = root;
  const left = expires - now;
  const when = left > 0 ? `in ${formatDuration(left)}` : `${formatDuration(-left)} ago`;
  return [
    `root ${version} of ${repository}`,
    `  sha256     ${sha256}`,
    `  expires    ${formatTime(expires)} (${when})`,
    `  threshold  ${threshold} of ${keys.length} keys`,
    ...keys.map(({ words }) => `  key        ${words}`),
    ...(latest === version ? [] : [`  hosts go on from it to root ${latest}`]),
  ];
}

function rootData({ bytes, expires, repository, keys, ...root }: EmbeddedRoot): object {
  return {
    ...root,
    repository: repository ?? null,
    expires: formatTime(expires),
    length: bytes.byteLength,
    keys: keys.map(({ id, words }) => ({ key_id: id, fingerprint: words })),
  };
}
