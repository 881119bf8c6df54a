/** The two promises without which nobody may publish beside somebody else, tried before the first write. */
import { randomUUID } from 'node:crypto';
import { createOnlyPromise, essentialProbes, type ProbeRow, removeAll, runProbes } from './probe.ts';
import type { Kept, StorePromises } from './promises.ts';
import type { CancelOptions, SwappableStore } from './store.ts';

export async function triedPromises(store: SwappableStore, options: CancelOptions): Promise<StorePromises> {
  const folder = `.probe/${randomUUID()}/`;
  try {
    const rows = await runProbes(essentialProbes(store, folder), options);
    const [creates, swaps] = [true, false].map((create) =>
      rows.filter(({ promise }) => promise.startsWith(createOnlyPromise) === create),
    );
    return {
      createOnly: worstOf(creates),
      compareAndSwap: worstOf(swaps),
      found: rows.filter(({ kept }) => kept !== 'yes').map(({ promise, found }) => `${promise}: ${found}`),
    };
  } finally {
    // Whoever may not remove leaves a few small files, which a lifecycle rule takes away.
    await removeAll(store, folder).catch(() => undefined);
  }
}

function worstOf(rows: readonly ProbeRow[] = []): Kept {
  if (rows.some(({ kept }) => kept === 'refused')) return 'refused';
  return rows.some(({ kept }) => kept === 'no') ? 'no' : 'yes';
}
