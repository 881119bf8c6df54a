/** Asks a public address for one file of each kind, as any client of the field would. */
import { isTidegateError } from '../../errors.ts';
import { encodeSegment } from '../../metadata/role-name.ts';
import { parseBaseUrl, urlText } from '../../storage/http-address.ts';
import { drain, exchange } from '../../storage/http-exchange.ts';
import { plainAgent, secureAgent } from '../../storage/http-socket.ts';
import type { CancelOptions } from '../../storage/store.ts';
import { type Finding, fail } from './finding.ts';
import { absenceFinding, type HeaderAnswer, headerFindings, type ServedKind } from './header-findings.ts';

export interface ServedFile {
  /** Of metadata encoded already; of targets not. */
  readonly name: string;
  readonly kind: ServedKind | 'absent';
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
      else findings.push(...(kind === 'absent' ? [absenceFinding(answer)] : headerFindings(kind, answer)));
    }
  } finally {
    agents.plain.destroy();
    agents.secure.destroy();
  }
  return findings;
}

/** With an offer to compress: whoever takes it up changes bytes that are signed. */
async function ask(
  url: URL,
  agents: { readonly plain: ReturnType<typeof plainAgent>; readonly secure: ReturnType<typeof plainAgent> },
  signal: AbortSignal | undefined,
): Promise<HeaderAnswer | Finding> {
  const where = urlText(url);
  try {
    const { status, response } = await exchange(url, {
      method: 'HEAD',
      headers: { 'accept-encoding': 'gzip, br' },
      ownHeaders: {},
      limits,
      agentFor: ({ protocol }) => (protocol === 'https:' ? agents.secure : agents.plain),
      signal,
    });
    await drain(response, limits.stallTimeout);
    const headers = Object.entries(response.headers).map(
      ([name, value]) => [name, value?.toString()] as const,
    );
    return { where, status, headers: Object.fromEntries(headers) };
  } catch (error) {
    if (!isTidegateError(error) || error.class === 'cancelled') throw error;
    const advice =
      error.code === 'encoding-refused'
        ? 'switch compression off for these paths: signed hashes are of the plain bytes'
        : 'hosts meet the same: look at the name, the certificate and the way there';
    return fail('headers', where, `${error.code}: ${error.message}`, advice);
  }
}
