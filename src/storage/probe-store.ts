/** A whole probe of one store, and what is left behind of it. */
import { randomUUID } from 'node:crypto';
import { essentialProbes, furtherProbes, type ProbeRow, removeAll, runProbes } from './probe.ts';
import { S3Store } from './s3.ts';
import { s3Probes } from './s3-probe.ts';
import type { CancelOptions, SwappableStore } from './store.ts';

export interface ProbeReport {
  readonly location: string;
  /** What the store calls itself; undefined where it tells nothing. */
  readonly server: string | undefined;
  /** True when several can publish there at once. */
  readonly publishable: boolean;
  readonly rows: readonly ProbeRow[];
  /** Files of the probe that could not be removed. */
  readonly left: readonly string[];
}

/** @throws what stands in the way of an answer: network-unreachable, access-denied, clock-skewed, config-invalid, … */
export async function probeStore(store: SwappableStore, options: CancelOptions = {}): Promise<ProbeReport> {
  const folder = `.probe/${randomUUID()}/`;
  const bucket =
    store instanceof S3Store ? store.tuned({ retry: { attempts: 3 }, lookFirst: false }) : undefined;
  const probed = bucket ?? store;
  const essential = essentialProbes(probed, folder);
  const further = [
    ...furtherProbes(probed, folder),
    ...(bucket === undefined ? [] : s3Probes(bucket.calls, folder)),
  ];
  let rows: readonly ProbeRow[] = [];
  let left: readonly string[] = [];
  try {
    rows = await runProbes([...essential, ...further], options);
  } finally {
    left = await removeAll(probed, folder).catch(() => [folder]);
    for (const upload of (await bucket?.openUploads(folder).catch(() => [])) ?? [])
      await bucket?.abortUpload(upload);
  }
  const publishable = rows.slice(0, essential.length).every(({ kept }) => kept === 'yes');
  return { location: store.location, server: bucket?.calls.connection.server, publishable, rows, left };
}
