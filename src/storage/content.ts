/** What is to be written: its stated length and hash, and the check that it kept its word. */
import { createHash } from 'node:crypto';
import { TidegateError } from '../errors.ts';
import { checkCancelled } from './cancel.ts';
import type { Content, CreateOptions, StreamedContent } from './store.ts';

/** What a store hands out at a time, at most; in bytes. */
export const LARGEST_CHUNK = 1024 * 1024;

/** Lower-case hex. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Bytes in memory as a stream that states its length and hash. */
export function streamed(content: Content): StreamedContent {
  if (!(content instanceof Uint8Array)) return content;
  return {
    length: content.byteLength,
    sha256: sha256Of(content),
    open: async function* () {
      yield content;
    },
  };
}

/**
 * The chunks of a content, ended early once there are more bytes than stated (length-mismatch, so that an endless
 * stream fills no disk) or on the signal.
 */
export async function* chunksOf(
  name: string,
  content: StreamedContent,
  { signal, progress }: CreateOptions = {},
): AsyncGenerator<Uint8Array, void> {
  let total = 0;
  checkCancelled(`writing ${name}`, signal);
  for await (const chunk of content.open()) {
    checkCancelled(`writing ${name}`, signal);
    total += chunk.byteLength;
    if (total > content.length) throw lengthMismatch(name, content.length, total);
    yield chunk;
    progress?.(total);
  }
  checkCancelled(`writing ${name}`, signal);
}

/** Throws length-mismatch or hash-mismatch unless what was written is what was stated. */
export function checkWritten(
  name: string,
  stated: StreamedContent,
  written: { readonly length: number; readonly sha256: string },
): void {
  if (written.length !== stated.length) throw lengthMismatch(name, stated.length, written.length);
  if (written.sha256 !== stated.sha256) {
    const text = `The bytes for ${name} have the SHA-256 ${written.sha256}; expected ${stated.sha256}.`;
    throw new TidegateError('hash-mismatch', text, { name, found: written.sha256, expected: stated.sha256 });
  }
}

function lengthMismatch(name: string, expected: number, found: number): TidegateError {
  const some = found > expected ? `at least ${found}` : `${found}`;
  const text = `The content for ${name} has ${some} bytes; expected ${expected}.`;
  return new TidegateError('length-mismatch', text, { name, found, expected });
}

/** The error of a create-only write that meets other bytes. */
export function nameTaken(name: string, location: string, why: string): TidegateError {
  const text = `${name} is taken in ${location}: ${why}. Names are never reused.`;
  return new TidegateError('name-taken', text, { name, location });
}

/** Bytes in memory as the body of an open file. */
export async function* bodyOf(
  name: string,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.byteLength; at += LARGEST_CHUNK) {
    checkCancelled(`reading ${name}`, signal);
    yield bytes.subarray(at, at + LARGEST_CHUNK);
  }
  checkCancelled(`reading ${name}`, signal);
}
