/** Errors of the network, each with the address (no query), the host and the phase in which it happened. */
import { type ErrorCode, type ErrorDetails, TidegateError } from '../errors.ts';
import { systemCode } from './disk-error.ts';
import { urlText } from './http-address.ts';

export type HttpPhase = 'resolve' | 'connect' | 'tls' | 'headers' | 'body';

/** @param what the message after the address, without the full stop */
export function httpError(
  code: ErrorCode,
  url: URL,
  phase: HttpPhase,
  what: string,
  details: ErrorDetails = {},
  cause?: unknown,
): TidegateError {
  const all = { url: urlText(url), host: url.host, phase, ...details };
  return new TidegateError(code, `${urlText(url)} ${what}.`, all, cause === undefined ? {} : { cause });
}

const phaseNames: Readonly<Record<HttpPhase, string>> = {
  resolve: 'looking up the host',
  connect: 'connecting',
  tls: 'setting up encryption',
  headers: 'waiting for the answer',
  body: 'reading the body',
};

/** A connection that broke, as network-unreachable; coded errors are handed back as they are. */
export function brokenConnection(error: unknown, url: URL, phase: HttpPhase, received = 0): TidegateError {
  if (error instanceof TidegateError) return error;
  const system = systemCode(error) ?? 'unknown';
  const what = `could not be read: ${system} while ${phaseNames[phase]}`;
  return httpError('network-unreachable', url, phase, what, { system, received }, error);
}

/** @param limit milliseconds */
export function tooSlow(url: URL, phase: HttpPhase, limit: number, received = 0): TidegateError {
  const what = `sent nothing for ${limit} ms while ${phaseNames[phase]}`;
  return httpError('too-slow', url, phase, what, { limit, received });
}

/** An answer that is neither the file nor its absence. */
export function statusError(url: URL, status: number, what: string, retryAfter?: string): TidegateError {
  const wait =
    retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter) ? { retryAfter: Number(retryAfter) } : {};
  return httpError('http-status', url, 'headers', `answered ${status}: ${what}`, { status, ...wait });
}
