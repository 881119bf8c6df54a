/** Asks a public address for one file of each kind, as any client of the field would. */
import { isTidegateError } from '../../errors.ts';
import { metadataName, type RepositoryFolders } from '../../metadata/repository-layout.ts';
import { encodeSegment } from '../../metadata/role-name.ts';
import { parseBaseUrl, urlText } from '../../storage/http-address.ts';
import { drain, exchange } from '../../storage/http-exchange.ts';
import { plainAgent, secureAgent } from '../../storage/http-socket.ts';
import type { CancelOptions } from '../../storage/store.ts';
import type { ListedFile } from '../publication/listed-files.ts';
import { type Finding, fail } from './finding.ts';
import {
  absenceFinding,
  type HeaderAnswer,
  headerFindings,
  rangeFinding,
  type ServedKind,
} from './header-findings.ts';

/** What is published, for whoever asks a public address for it. */
export interface ServedRepository {
  readonly folders: RepositoryFolders;
  readonly snapshot: number;
  /** The last root. */
  readonly root: number;
  readonly targets: readonly ListedFile[];
}

/** One file of each kind, and one that is not there. */
export function servedFiles({ folders, snapshot, root, targets }: ServedRepository): readonly ServedFile[] {
  // The largest one is what a server is most likely to treat in its own way.
  const [target] = targets.toSorted((one, other) => other.length - one.length);
  return [
    { name: metadataName(folders, 'timestamp'), kind: 'timestamp' },
    { name: metadataName(folders, 'snapshot', snapshot), kind: 'versioned' },
    { name: metadataName(folders, 'root', root), kind: 'versioned' },
    ...(target === undefined ? [] : [{ name: target.name, kind: 'target' } as const]),
    { name: metadataName(folders, 'root', root + 1), kind: 'absent' },
  ];
}

export interface ServedFile {
  /** Of metadata encoded already; of targets not. */
  readonly name: string;
  readonly kind: ServedKind | 'absent';
}

export function isWebAddress(location: string): boolean {
  return /^https?:\/\//i.test(location);
}

const limits = { connectTimeout: 10_000, stallTimeout: 20_000, maximumRedirects: 3, allowedHosts: [] };

export async function servedFindings(
  base: string,
  files: readonly ServedFile[],
  { signal }: CancelOptions = {},
): Promise<readonly Finding[]> {
  const agents = { plain: plainAgent(), secure: secureAgent() };
  const findings: Finding[] = [];
  try {
    for (const { name, kind } of files) {
      const path = kind === 'target' ? name.split('/').map(encodeSegment).join('/') : name;
      const url = new URL(path, parseBaseUrl(base));
      const answer = await ask(url, agents, signal);
      if ('check' in answer) findings.push(answer);
      else if (kind === 'absent')
        findings.push(
          absenceFinding(answer, answer.status === 200 && (await isEverythingThere(url, agents, signal))),
        );
      else findings.push(...headerFindings(kind, answer));
      if (kind === 'target' && 'status' in answer && answer.status === 200)
        findings.push(...(await rangeFindings(url, agents, signal)));
    }
  } finally {
    agents.plain.destroy();
    agents.secure.destroy();
  }
  return findings;
}

interface Agents {
  readonly plain: ReturnType<typeof plainAgent>;
  readonly secure: ReturnType<typeof plainAgent>;
}

/** A server that answers with some page whatever it is asked for hides that there is no next root. */
async function isEverythingThere(
  url: URL,
  agents: Agents,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const nowhere = new URL(`${'0'.repeat(24)}.absent.json`, url);
  const answer = await ask(nowhere, agents, signal);
  return 'status' in answer && answer.status === 200;
}

async function rangeFindings(
  url: URL,
  agents: Agents,
  signal: AbortSignal | undefined,
): Promise<readonly Finding[]> {
  const answer = await ask(url, agents, signal, { range: 'bytes=0-0', 'accept-encoding': 'identity' });
  return 'check' in answer ? [answer] : [rangeFinding(answer)];
}

/**
 * With an offer to compress: whoever takes it up changes bytes that are signed. A GET, since some compress nothing else; of
 * a long answer only the beginning is read.
 */
async function ask(
  url: URL,
  agents: Agents,
  signal: AbortSignal | undefined,
  headers: Readonly<Record<string, string>> = { 'accept-encoding': 'gzip, br' },
): Promise<HeaderAnswer | Finding> {
  const where = urlText(url);
  try {
    const {
      url: last,
      status,
      response,
    } = await exchange(url, {
      method: 'GET',
      headers,
      ownHeaders: {},
      limits,
      agentFor: ({ protocol }) => (protocol === 'https:' ? agents.secure : agents.plain),
      signal,
    });
    await drain(response, limits.stallTimeout);
    const answered = Object.entries(response.headers).map(
      ([name, value]) => [name, value?.toString()] as const,
    );
    const redirected = last.href === url.href ? undefined : urlText(last);
    return { where, status, redirected, headers: Object.fromEntries(answered) };
  } catch (error) {
    if (!isTidegateError(error) || error.class === 'cancelled') throw error;
    const advice =
      error.code === 'encoding-refused'
        ? 'switch compression off for these paths: signed hashes are of the plain bytes'
        : 'hosts meet the same: look at the name, the certificate and the way there';
    return fail('headers', where, `${error.code}: ${error.message}`, advice);
  }
}
