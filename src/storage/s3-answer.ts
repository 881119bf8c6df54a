/**
 * What a bucket may answer, before anything parses it.
 * - Only the body of a file is a stream. Every other body is read whole, up to a limit: a little for errors, more for
 *   lists. What is longer is cut off with its connection; of an error the status is left. What drips is given up.
 * - XML with a DOCTYPE, or nested deeper than S3 nests, is refused unparsed.
 * - A list that is none (a page to sign in, answered 200) would read as an empty bucket; it is refused.
 * - A compressed or otherwise encoded answer is refused: nobody asked for it.
 */
import { IncomingMessage } from 'node:http';
import { TidegateError } from '../errors.ts';

/** Bytes. */
const longestError = 64 * 1024;
/** A page of 1,000 names of 1,024 bytes, each byte percent-encoded, and what stands beside them. */
const longestAnswer = 4 * 1024 * 1024;
const deepestNesting = 16;
/** Bytes a second, beside what the stall limit gives to all of it. */
const slowestAnswer = 4 * 1024;

/** While S3 puts parts together it sends a blank now and then, for minutes: so many times the patience. */
const patiently: Readonly<Record<string, number>> = { CompleteMultipartUploadCommand: 20 };

/** What the answer to a command must hold; without it the SDK reads nothing, and nothing looks like an empty list. */
const rootOf: Readonly<Record<string, string>> = {
  ListObjectsV2Command: 'ListBucketResult',
  ListMultipartUploadsCommand: 'ListMultipartUploadsResult',
};

/** The SDK's response, of which only this is looked at. */
export interface RawAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  body?: unknown;
}

export function isRawAnswer(value: unknown): value is RawAnswer {
  return typeof value === 'object' && value !== null && 'statusCode' in value && 'headers' in value;
}

/**
 * Reads the body where it is not a file's.
 *
 * @param patience milliseconds for a body of no length; longer ones get more
 * @throws length-limit, encoding-refused, http-status; for what drips an error as of a connection that is too slow
 */
export async function boundAnswer(
  answer: RawAnswer,
  {
    command,
    location,
    patience,
  }: { readonly command: string; readonly location: string; readonly patience: number },
): Promise<void> {
  const { body } = answer;
  if (!(body instanceof IncomingMessage)) return;
  const good = answer.statusCode >= 200 && answer.statusCode < 300;
  const encoding = answer.headers['content-encoding'] ?? '';
  if (command === 'GetObjectCommand' && good) {
    body.socket.setTimeout(0);
    return;
  }
  if (good && !/^(|identity)$/i.test(encoding)) {
    body.destroy();
    throw refused('encoding-refused', location, `an answer with the encoding ${encoding.slice(0, 40)}`);
  }
  const bytes = await readUpTo(
    body,
    good ? longestAnswer : longestError,
    patience * (patiently[command] ?? 1),
  );
  if (bytes === undefined && good)
    throw refused('length-limit', location, `an answer of more than ${longestAnswer} bytes`);
  const text = bytes?.toString('utf8') ?? '';
  const fault = xmlFault(text);
  if (fault !== undefined && good) throw refused('http-status', location, `XML with ${fault}`);
  const root = Object.hasOwn(rootOf, command) ? rootOf[command] : undefined;
  if (good && root !== undefined && !text.includes(`<${root}`))
    throw refused('http-status', location, `an answer without ${root}`);
  answer.body = bytes === undefined || fault !== undefined ? new Uint8Array() : bytes;
}

/** Undefined, and the connection closed, when there is more. */
async function readUpTo(body: IncomingMessage, limit: number, patience: number): Promise<Buffer | undefined> {
  const begun = performance.now();
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) continue;
    total += chunk.byteLength;
    if (total > limit) return undefined;
    chunks.push(chunk);
    // Whether the work is done nobody knows: the same as where no byte comes at all.
    if (performance.now() - begun > patience + (total / slowestAnswer) * 1000)
      throw Object.assign(new Error('the answer drips'), { name: 'TimeoutError' });
  }
  return Buffer.concat(chunks, total);
}

/** Undefined for XML that S3 could have written, and for what is no XML at all. */
export function xmlFault(text: string): string | undefined {
  if (/<!(?!--|\[CDATA\[)/.test(text)) return 'a DOCTYPE or entities';
  let depth = 0;
  // Ends at the next `<` too: otherwise many of them without a `>` cost the square of their number.
  for (const [tag] of text.matchAll(/<[/a-zA-Z][^<>]*>/g)) {
    if (tag.startsWith('</')) depth -= 1;
    else if (!tag.endsWith('/>')) depth += 1;
    if (depth > deepestNesting) return `more than ${deepestNesting} levels`;
  }
  return undefined;
}

function refused(
  code: 'encoding-refused' | 'length-limit' | 'http-status',
  location: string,
  what: string,
): TidegateError {
  return new TidegateError(code, `${location} gave ${what}; expected what S3 answers.`, { location });
}
