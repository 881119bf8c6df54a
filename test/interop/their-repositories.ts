/** Repositories that tuftool and python-tuf make on the spot, and which clients are known to be unable to read them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Repository } from './peers.ts';

const run = promisify(execFile);
const here = import.meta.dirname;
const makers = join(here, '..', 'fixtures', 'adopt');
const { TIDEGATE_TUFTOOL, TIDEGATE_TUFTOOL_OLD, TIDEGATE_PYTHON_TUF } = process.env;

type Why = Readonly<Record<string, string>>;

export interface Theirs {
  /** What it is, for the table. */
  readonly name: string;
  readonly maker: 'tuftool' | 'tuftool-old' | 'python-tuf';
  /** The folder in that of the maker. */
  readonly folder: string;
  readonly metadata?: string;
  readonly inconsistent?: boolean;
  readonly names: readonly string[];
  /** Name of a client → why it cannot. Everyone else must. */
  readonly unreadable: Why | ((metadata: string) => Why);
}

const tough = (why: string): Why => ({ tuftool: why, 'tuftool-old': why });

/** Dates of "in N days" have nanoseconds. go-tuf prints them without zeros at the end, and signs what it printed. */
function nanoseconds(metadata: string): Why {
  const dates = readdirSync(metadata).map(
    (name) => /"expires": *"([^"]+)"/.exec(readFileSync(join(metadata, name), 'utf8'))?.[1] ?? '',
  );
  return {
    'python-tuf': 'it reads no fraction of a second',
    ...(dates.some((date) => /\.\d*0Z$/.test(date)) && {
      'go-tuf': 'it reads no fraction of a second that ends with 0',
    }),
  };
}

const byTuftool = (maker: 'tuftool' | 'tuftool-old'): readonly Theirs[] => [
  {
    name: `${maker}: keys of their own, two roots`,
    maker,
    folder: 'tuftool',
    names: ['os-1.0.0.img', 'readme.txt'],
    unreadable: {},
  },
  {
    name: `${maker}: as pubsys does, versions are Unix times, dates have nanoseconds`,
    maker,
    folder: 'pubsys',
    metadata: 'aws-dev/x86_64',
    names: ['boot', 'root', 'root-verity']
      .map((kind) => `bottlerocket-aws-dev-x86_64-1.0.0-00000001-${kind}.ext4.lz4`)
      .concat('manifest.json'),
    unreadable: nanoseconds,
  },
];

const byPythonTuf = (
  name: string,
  folder: string,
  names: readonly string[],
  unreadable: Why = {},
  inconsistent?: true,
): Theirs => ({
  name: `python-tuf: ${name}`,
  maker: 'python-tuf',
  folder,
  names,
  unreadable,
  ...(inconsistent && { inconsistent }),
});

const label = tough('it reads no key id that is not the hash of its key');

export const theirs: readonly Theirs[] = [
  ...(TIDEGATE_TUFTOOL === undefined ? [] : byTuftool('tuftool')),
  ...(TIDEGATE_TUFTOOL_OLD === undefined ? [] : byTuftool('tuftool-old')),
  ...(TIDEGATE_PYTHON_TUF === undefined
    ? []
    : [
        byPythonTuf('three roots, delegations two levels deep', 'chain', [
          'os-1.0.0.img',
          'app-one.img',
          'app-inner-1.img',
        ]),
        byPythonTuf(
          'a slash in a target name',
          'chain',
          ['docs/readme.txt'],
          tough('it asks for `HASH.dir/name`, and python-tuf publishes `dir/HASH.name`'),
        ),
        byPythonTuf(
          'hash bins (path_hash_prefixes)',
          'bins',
          [0, 1, 2, 3, 4, 5].map((number) => `image-${number}.img`),
          { 'go-tuf': 'it compares prefixes with another spelling of the hash' },
        ),
        byPythonTuf(
          'succinct hash bins, in the style of RSTUF',
          'rstuf',
          ['os-1.0.0.img', 'os-1.1.0.img'],
          tough('it knows no `succinct_roles`'),
        ),
        byPythonTuf('key type `ecdsa`, in the style of tuf-on-ci', 'tuf-on-ci', ['os-1.0.0.img']),
        byPythonTuf('a delegation to a label', 'labelled', ['os-1.0.0.img', 'app-one.img'], label),
        byPythonTuf('labels, and no consistent snapshots', 'plain', ['os-1.0.0.img'], label, true),
      ]),
];

/** The folders of all makers that are here. */
export async function makeTheirs(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-theirs-'));
  try {
    for (const [maker, program] of Object.entries({
      tuftool: TIDEGATE_TUFTOOL,
      'tuftool-old': TIDEGATE_TUFTOOL_OLD,
    })) {
      if (program === undefined) continue;
      const env = { ...process.env, TUFTOOL: program };
      await run(join(makers, 'make-tuftool.sh'), [join(folder, maker)], { env });
    }
    if (TIDEGATE_PYTHON_TUF !== undefined) {
      const to = join(folder, 'python-tuf');
      await run(TIDEGATE_PYTHON_TUF, [join(makers, 'make-python-tuf.py'), to]);
      await run(TIDEGATE_PYTHON_TUF, [join(here, 'make-hash-bins.py'), to]);
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

export function repositoryOf(made: string, { maker, folder, metadata, inconsistent }: Theirs): Repository {
  return {
    folder: join(made, maker, folder),
    metadata: metadata ?? 'metadata',
    targetsFolder: 'targets',
    ...(inconsistent === true && { inconsistent }),
  };
}

/** Files of the roots, the oldest first. */
export function rootsOf({ folder, metadata }: Repository): readonly string[] {
  return readdirSync(join(folder, metadata))
    .filter((name) => name.endsWith('.root.json'))
    .sort()
    .map((name) => join(folder, metadata, name));
}

/** The content of a target as it lies in the folder. */
export function contentOf({ folder, targetsFolder }: Repository, name: string): string {
  const [directory, file] = /^(?:(.*)\/)?([^/]+)$/.exec(name)?.slice(1) ?? [];
  const inside = join(folder, targetsFolder, directory ?? '');
  const pattern = new RegExp(`^(?:[0-9a-f]{64}\\.)?${(file ?? '').replaceAll('.', '\\.')}$`);
  const [found] = readdirSync(inside).filter((entry) => pattern.test(entry));
  if (found === undefined) throw new Error(`${inside} has no file of ${name}`);
  return readFileSync(join(inside, found), 'utf8');
}
