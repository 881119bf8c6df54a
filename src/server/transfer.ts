/**
 * Bytes to a client, as fast as the client takes them and no faster. The rules:
 *
 * 1. The next chunk is asked for only when the one before has left for the network.
 * 2. A client that leaves ends the reading: the store's body is given up, not left open.
 * 3. Each step (a chunk read and taken) has a time limit; whoever passes it is cut off.
 * 4. A body that fails or is too short cuts the connection, so that the client sees a truncated answer.
 */
import type { ServerResponse } from 'node:http';
import { TidegateError } from '../errors.ts';

/**
 * Sends a body of `length` bytes after the headers were written. Resolves when all of it was handed over or the
 * client has left.
 *
 * @param cancel aborted when the client leaves or is too slow
 * @throws what the body throws; too-slow; length-mismatch. The connection is cut by then.
 */
export async function sendBody(
  response: ServerResponse,
  body: AsyncIterable<Uint8Array>,
  { length, stepTime, cancel }: { length: number; stepTime: number; cancel: AbortController },
): Promise<void> {
  const step = { slow: false, wake: (): void => undefined };
  const leave = (): void => {
    cancel.abort();
    step.wake();
  };
  const timer = setTimeout(() => {
    step.slow = true;
    // With its reason, which the log reads when the answer has ended.
    response.destroy(tooSlow(stepTime));
    leave();
  }, stepTime);
  response.once('close', leave);
  try {
    const sent = await pump(response, body, step, timer);
    if (step.slow) throw tooSlow(stepTime);
    if (response.destroyed) return;
    if (sent !== length) throw new TidegateError('length-mismatch', `${sent} bytes sent, expected ${length}`);
    response.end();
  } catch (error) {
    const left = response.destroyed && !step.slow;
    const reason = step.slow ? tooSlow(stepTime) : error;
    response.destroy(reason instanceof Error ? reason : undefined);
    if (!left) throw reason;
  } finally {
    clearTimeout(timer);
    response.off('close', leave);
  }
}

/** The number of bytes sent; leaving the loop gives the body up. */
async function pump(
  response: ServerResponse,
  body: AsyncIterable<Uint8Array>,
  step: { wake: () => void },
  timer: NodeJS.Timeout,
): Promise<number> {
  let sent = 0;
  for await (const chunk of body) {
    if (response.destroyed) break;
    await new Promise<void>((resolve) => {
      // A connection that is gone never calls back; `wake` does.
      step.wake = resolve;
      response.write(chunk, () => resolve());
    });
    sent += chunk.byteLength;
    if (response.destroyed) break;
    timer.refresh();
  }
  return sent;
}

/** Sends bytes in memory and ends the answer; a client that does not take them in time is cut off. */
export function sendBytes(response: ServerResponse, bytes: Uint8Array, stepTime: number): void {
  response.end(bytes);
  // Mostly the network has taken everything already.
  if (response.writableFinished || (response.socket?.writableLength ?? 0) === 0) return;
  const timer = setTimeout(() => response.destroy(), stepTime);
  response.once('close', () => clearTimeout(timer));
}

function tooSlow(limit: number): TidegateError {
  return new TidegateError('too-slow', `A step of the answer took longer than ${limit} ms.`, { limit });
}
