/**
 * Whether what is served is worth serving: `/health` reads each repository's timestamp as a host would get it and
 * compares its expiry with the clock. It verifies no signature; hosts do. The rules:
 *
 * 1. Cheap: one look at the store per `healthHold`, shared by all who ask, with a time limit.
 * 2. No secrets: names of files, versions and times; no location, address or message.
 * 3. Degraded is 503, so that the simplest probe notices.
 */
import type { ServerResponse } from 'node:http';
import { parseEnvelope } from '../metadata/envelope.ts';
import { metadataFileName } from '../metadata/file-names.ts';
import { formatTime } from '../metadata/time.ts';
import { parseTimestamp, type TimestampDocument } from '../metadata/timestamp.ts';
import { defaultLimits } from '../trust/limits.ts';
import type { ServerLimits } from './limits.ts';
import type { FoundFile, MemoryFiles } from './memory-files.ts';
import { type ServedName, servedName } from './served-name.ts';

export interface RepositoryHealth {
  /** The name of the timestamp in the store. */
  readonly file: string;
  readonly role: 'timestamp';
  /** `unreadable`: the store failed or was too slow; `invalid`: the file is no timestamp. */
  readonly status: 'ok' | 'expired' | 'missing' | 'invalid' | 'unreadable';
  readonly version?: number;
  readonly expires?: string;
}

export interface Health {
  readonly status: 'ok' | 'degraded';
  readonly time: string;
  /** Empty, and degraded, when no repository was found. */
  readonly repositories: readonly RepositoryHealth[];
}

export interface HealthOptions {
  readonly memory: MemoryFiles;
  readonly limits: ServerLimits;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Folders that must hold a repository. By default the usual places are tried. */
  readonly repositories?: readonly string[];
}

/** Where a repository is looked for: the root of the store, and the folder of the layout for one repository. */
const usualFolders = ['', 'metadata'];
/** Repositories found by being asked for; only existing files count, so nobody outside can fill this. */
const mostRepositories = 256;

export class HealthCheck {
  readonly #options: HealthOptions;
  readonly #required = new Map<string, ServedName>();
  readonly #documents = new WeakMap<FoundFile, TimestampDocument>();
  #answer: { readonly health: Promise<Health>; readonly at: number } | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
    for (const served of timestampsIn(options.repositories ?? [])) this.#required.set(served.name, served);
  }

  /** A timestamp that was served once is expected from then on. */
  noteFound({ served }: FoundFile): void {
    if (served.immutable || this.#required.size >= mostRepositories) return;
    if (this.#options.repositories === undefined) this.#required.set(served.name, served);
  }

  /** Never rejects. */
  async check(): Promise<Health> {
    const at = this.#options.clock();
    const age = this.#answer === undefined ? -1 : at - this.#answer.at;
    if (this.#answer === undefined || age < 0 || age >= this.#options.limits.healthHold) {
      this.#answer = { health: this.#look(at), at };
    }
    return await this.#answer.health;
  }

  async #look(now: number): Promise<Health> {
    const optional = this.#options.repositories === undefined ? timestampsIn(usualFolders) : [];
    const names = new Map([...optional.map((served) => [served.name, served] as const), ...this.#required]);
    const looked = await Promise.all([...names.values()].map((served) => this.#lookAt(served, now)));
    const repositories = looked.filter(
      ({ file, status }) => status !== 'missing' || this.#required.has(file),
    );
    const sound = repositories.length > 0 && repositories.every(({ status }) => status === 'ok');
    return { status: sound ? 'ok' : 'degraded', time: formatTime(now), repositories };
  }

  async #lookAt(served: ServedName, now: number): Promise<RepositoryHealth> {
    const facts = { file: served.name, role: 'timestamp' } as const;
    let file: FoundFile | undefined;
    try {
      file = await withinTime(this.#options.memory.find(served), this.#options.limits.healthTime);
    } catch {
      return { ...facts, status: 'unreadable' };
    }
    if (file === undefined) return { ...facts, status: 'missing' };
    const document = this.#documentOf(file);
    if (document === undefined) return { ...facts, status: 'invalid' };
    const { version, expires } = document;
    const status = now < expires ? 'ok' : 'expired';
    return { ...facts, status, version, expires: formatTime(expires) };
  }

  /** Parsed once per file read. */
  #documentOf(file: FoundFile): TimestampDocument | undefined {
    const known = this.#documents.get(file);
    if (known !== undefined) return known;
    if (!('bytes' in file) || file.length > defaultLimits.maxTimestampLength) return undefined;
    try {
      const document = parseTimestamp(parseEnvelope(file.bytes, defaultLimits, file.served.name));
      this.#documents.set(file, document);
      return document;
    } catch {
      return undefined;
    }
  }
}

export function answerHealth(response: ServerResponse, health: Health): void {
  const body = `${JSON.stringify(health)}\n`;
  response.writeHead(health.status === 'ok' ? 200 : 503, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body);
}

function timestampsIn(folders: readonly string[]): readonly ServedName[] {
  return folders.flatMap((folder) => {
    const file = metadataFileName('timestamp');
    return servedName(folder === '' ? file : `${folder}/${file}`) ?? [];
  });
}

async function withinTime<T>(work: Promise<T>, limit: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('late')), limit);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
