/**
 * Addresses of an HTTP store: the base, the files below it, and where a redirect may lead. Pure.
 * - A base has no credentials, query or fragment, and no control character that the URL parser would swallow.
 * - A redirect leads to the same origin or to a listed host, never from https to http, and carries no credentials.
 */
import { TidegateError } from '../errors.ts';

const SCHEMES: readonly string[] = ['http:', 'https:'];

/** A base URL, ending in a slash. Code config-invalid; the message never repeats credentials or a query. */
export function parseBaseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const fault = baseFault(text, url);
  if (url === undefined || fault !== undefined) {
    const shown = url === undefined ? '' : ` ${urlText(url)}`;
    throw new TidegateError('config-invalid', `The base URL${shown} ${fault ?? 'is no URL'}.`, {});
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function baseFault(text: string, url: URL | undefined): string | undefined {
  if (url === undefined) return 'is no URL';
  if (/[\u0000-\u0020\u007f\\]/.test(text)) return 'has a space, control character or backslash';
  if (!SCHEMES.includes(url.protocol)) return 'must begin with http:// or https://';
  if (url.username !== '' || url.password !== '') return 'has credentials in it; pass them as a header';
  if (text.includes('?') || text.includes('#')) return 'has a query or a fragment';
  return undefined;
}

/** The address of a stored name, each segment encoded so that every server reads it the same way. */
export function fileUrl(base: URL, name: string): URL {
  return new URL(encodeName(name), base);
}

/** Segment by segment. */
export function encodeName(name: string): string {
  return name.split('/').map(encodeSegment).join('/');
}

const LONGEST_ENCODED = 4096;

/**
 * Throws target-path-invalid unless `name` is one or more percent-encoded segments that stay below the base. The
 * URL parser takes `%2e%2e` for `..`, so segments are looked at decoded.
 */
export function checkEncodedName(name: string): void {
  const sound = name.length <= LONGEST_ENCODED && name.split('/').every(isEncodedSegment);
  if (sound) return;
  const text = `The encoded name ${JSON.stringify(name.slice(0, 200))} cannot be part of an address.`;
  throw new TidegateError('target-path-invalid', text, { name: name.slice(0, 200) });
}

function isEncodedSegment(segment: string): boolean {
  if (!/^(?:[A-Za-z0-9_.~-]|%[0-9A-Fa-f]{2})+$/.test(segment)) return false;
  const bare = segment.replaceAll(/%2e/gi, '.');
  return bare !== '.' && bare !== '..';
}

function encodeSegment(segment: string): string {
  const code = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(segment).replaceAll(/[!'()*]/g, code);
}

/** An address for messages: without credentials, query and fragment. */
export function urlText(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

export interface RedirectRules {
  readonly allowedHosts: readonly string[];
  readonly maximumRedirects: number;
}

/**
 * Where the `count`-th redirect (from 1) leads. Code redirect-refused, naming both hosts.
 *
 * @param location the header, as it came
 */
export function redirectTarget(from: URL, location: string, count: number, rules: RedirectRules): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  const fault = to === undefined ? 'leads to no address' : redirectFault(from, to, count, rules);
  if (to !== undefined && fault === undefined) return to;
  const text = `The redirect from ${urlText(from)}${to === undefined ? '' : ` to ${urlText(to)}`} ${fault}.`;
  const details = { url: urlText(from), host: from.host, target: to?.host ?? null, phase: 'redirect' };
  throw new TidegateError('redirect-refused', text, details);
}

function redirectFault(from: URL, to: URL, count: number, rules: RedirectRules): string | undefined {
  if (count > rules.maximumRedirects) return `is one more than ${rules.maximumRedirects}`;
  if (!SCHEMES.includes(to.protocol)) return 'leads away from HTTP';
  if (to.username !== '' || to.password !== '') return 'has credentials in it';
  if (from.protocol === 'https:' && to.protocol === 'http:') return 'gives up encryption';
  if (to.origin === from.origin || rules.allowedHosts.includes(to.host)) return undefined;
  return 'leads to another host, which is not listed as allowed';
}
