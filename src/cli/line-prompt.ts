/** Asks a question on the terminal; what is typed is shown. */
import { createInterface } from 'node:readline/promises';
import { TidegateError } from '../errors.ts';

/** @throws cancelled at Ctrl-C, Ctrl-D, and when the signal aborts */
export async function askLine(
  question: string,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): Promise<string> {
  const abort = new AbortController();
  const lines = createInterface({ input, output });
  lines.once('close', () => abort.abort());
  lines.once('SIGINT', () => lines.close());
  try {
    return await lines.question(question, { signal: abort.signal });
  } catch (cause) {
    throw new TidegateError('cancelled', 'cancelled at the question; nothing was changed', {}, { cause });
  } finally {
    lines.close();
  }
}
