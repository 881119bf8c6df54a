/** What `npm run demo -- …` takes. */
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { TidegateError } from '../../src/errors.ts';

export interface DemoOptions {
  readonly json: boolean;
  /** Absolute. */
  readonly directory: string;
  readonly hosts: number;
  /** `npm`, `debian`, or a folder. */
  readonly images: string;
  readonly keep: boolean;
}

/** Below, there would be nobody to attack, to lock and to fall back beside those that update. */
export const fewestHosts = 5;
/** Each takes two slots on the disk. */
export const mostHosts = 256;

export const help = `npm run demo -- [options]

Signs two releases, publishes them, serves them on loopback, and lets a fleet of hosts update in waves,
with attacks on one host and a failing image on another. The exit status is 0 only if all of it was checked.

  --hosts N          hosts of the fleet, ${fewestHosts} to ${mostHosts} (24)
  --images DIR       your own images: each file one, in the order of their names; the first is what hosts start with
  --images debian    two Debian root file systems with dm-verity (mmdebstrap, cryptsetup-bin, erofs-utils or e2fsprogs)
  --directory DIR    where everything is made: a new or empty folder, or that of an earlier demo (./demo)
  --keep             leave the slots of all hosts on the disk, not only those of three
  --json             the same as data
  --help             this text
`;

/** Undefined when help was asked for. @throws usage */
export function parseOptions(argv: readonly string[], directory: string): DemoOptions | undefined {
  const values = parsed(argv);
  if (values.help === true) return undefined;
  const hosts = /^\d{1,4}$/.test(values.hosts ?? '') ? Number(values.hosts) : Number.NaN;
  if (!(hosts >= fewestHosts && hosts <= mostHosts)) {
    throw usage(`--hosts: found ${values.hosts}, expected ${fewestHosts} to ${mostHosts}`);
  }
  const images = values.images === 'debian' ? 'debian' : values.images && resolve(directory, values.images);
  if (values.images === '') throw usage('--images: found nothing, expected a folder, or "debian"');
  const place = resolve(directory, values.directory ?? 'demo');
  if (images !== undefined && images !== 'debian' && isWithin(images, place))
    throw usage(`--images: found ${images}, expected a folder outside ${place}, which is emptied first`);
  return {
    json: values.json === true,
    directory: place,
    hosts,
    images: images ?? 'npm',
    keep: values.keep === true,
  };
}

function isWithin(path: string, folder: string): boolean {
  return !/^\.\.(\/|$)/.test(relative(folder, path));
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        json: { type: 'boolean' },
        directory: { type: 'string' },
        hosts: { type: 'string', default: '24' },
        images: { type: 'string' },
        keep: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function usage(message: string): TidegateError {
  return new TidegateError('usage', `${message}. See: npm run demo -- --help`);
}
