/**
 * The command line by which the public TUF conformance suite drives any client, shared by our entry, the peer
 * entries and the driver:
 *
 *     ENTRY --metadata-dir DIR init TRUSTED_ROOT
 *     ENTRY --metadata-dir DIR --metadata-url URL refresh
 *     ENTRY --metadata-dir DIR --metadata-url URL --target-name NAME [--target-name NAME …]
 *           --target-base-url URL --target-dir DIR download
 *
 * The exit status is 0 or 1. Several target names are handled in order by one client, up to the first failure.
 */
import { parseArgs } from 'node:util';

export type Command =
  | { readonly kind: 'init'; readonly metadataDirectory: string; readonly trustedRootFile: string }
  | { readonly kind: 'refresh'; readonly metadataDirectory: string; readonly metadataUrl: string }
  | {
      readonly kind: 'download';
      readonly metadataDirectory: string;
      readonly metadataUrl: string;
      readonly targetNames: readonly string[];
      readonly targetBaseUrl: string;
      readonly targetDirectory: string;
    };

/** What an entry may know of the world besides its arguments. */
export interface Surroundings {
  /** Milliseconds since the epoch. */
  now(): number;
  /** One line for whoever looks into a failure. */
  note(text: string): void;
}

/** An entry as a function. Never throws: what goes wrong is noted, and the status is 1. */
export type ConformanceMain = (argv: readonly string[], surroundings: Surroundings) => Promise<0 | 1>;

/**
 * The driver fakes the clock through this variable: a time such as `2030-01-01T00:00:00Z`. Entries of tests
 * alone read it; no product code does. Foreign clients are run under `faketime` instead.
 */
export const timeVariable = 'TIDEGATE_CONFORMANCE_TIME';

export function processSurroundings(): Surroundings {
  const faked = process.env[timeVariable];
  const now = faked === undefined ? undefined : Date.parse(faked);
  if (Number.isNaN(now)) throw new Error(`${timeVariable} is not a time: ${faked}`);
  return {
    now: () => now ?? Date.now(),
    note: (text) => {
      process.stderr.write(`${text}\n`);
    },
  };
}

/** @throws Error for anything but the three forms above */
export function parseCommand(argv: readonly string[]): Command {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      'metadata-dir': { type: 'string' },
      'metadata-url': { type: 'string' },
      'target-name': { type: 'string', multiple: true },
      'target-base-url': { type: 'string' },
      'target-dir': { type: 'string' },
    },
  });
  const [kind, file, ...others] = positionals;
  if (others.length > 0) throw new Error(`unexpected arguments: ${others.join(' ')}`);
  const metadataDirectory = given(values['metadata-dir'], '--metadata-dir');
  if (kind === 'init')
    return { kind, metadataDirectory, trustedRootFile: given(file, 'the file of the trusted root') };
  const metadataUrl = given(values['metadata-url'], '--metadata-url');
  if (kind === 'refresh') return { kind, metadataDirectory, metadataUrl };
  if (kind !== 'download')
    throw new Error(`unknown command ${kind}; the commands are init, refresh, download`);
  return {
    kind,
    metadataDirectory,
    metadataUrl,
    targetNames: given(values['target-name'], '--target-name'),
    targetBaseUrl: given(values['target-base-url'], '--target-base-url'),
    targetDirectory: given(values['target-dir'], '--target-dir'),
  };
}

function given<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} is missing`);
  return value;
}
