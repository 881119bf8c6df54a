/** Cancelling: an abort signal becomes the coded error cancelled, wherever it is noticed. */
import { TidegateError } from '../errors.ts';

export function cancelled(what: string, signal: AbortSignal | undefined): TidegateError {
  return new TidegateError('cancelled', `Cancelled: ${what}.`, {}, { cause: signal?.reason });
}

/** Throws cancelled once the signal has been given. */
export function checkCancelled(what: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled(what, signal);
}

/** Waits; rejects with cancelled when the signal comes first. */
export async function pause(
  milliseconds: number,
  what: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  checkCancelled(what, signal);
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(cancelled(what, signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
