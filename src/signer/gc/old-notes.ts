/**
 * Notes of publishers that nobody needs any more, so that what publications leave behind does not grow for ever:
 *
 * 1. A pin that ran out a pin's life ago: whoever held it must hold it anew before he goes on.
 * 2. A signed timestamp that waits for its commit for longer than the grace: it is too old to be committed by anybody.
 * 3. Of the journal, commits that were replaced more than 90 days ago, or than the grace if that is longer, and whose
 *    timestamps have expired. The last one before stays: it was current when that time began.
 * 4. Files of probes that died, after a day, where the store tells when they were written.
 *
 * What repositories have noted that this workspace does not know stays, but for their pins; so do notes of clean-ups.
 */

import { digestOf } from '../../metadata/crypto.ts';
import { modifiedTime } from '../../storage/housekeeping.ts';
import type { SwappableStore } from '../../storage/store.ts';
import { type CommitNote, readCommits, readPrepared } from '../publication/commit-journal.ts';
import { closeNote, isPinName, pinLifetime, readPin } from '../publication/pin.ts';
import { noteName, notesFolder } from '../publication/store-note.ts';
import { eachSeveralAtOnce } from '../workspace/several-at-once.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { listsFolder } from './fresh-lists.ts';

const day = 24 * 3_600_000;
/** Milliseconds for which the journal tells who committed what. */
export const journalLife = 90 * day;
/** Milliseconds after which a probe is dead. */
const probeLife = day;

export interface OldNotesRequest {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds. */
  readonly grace: number;
  /** False: only say which. */
  readonly act: boolean;
}

/** @returns their names. @throws state-damaged for a note that cannot be read */
export async function endOldNotes(
  { store, settings }: Pick<Workspace, 'store' | 'settings'>,
  { now, grace, act }: OldNotesRequest,
): Promise<readonly string[]> {
  const names = [...(await oldPins(store, now)), ...(await oldProbes(store, now))];
  for (const { name } of repositoriesOf(settings)) {
    const waiting = (await readPrepared(store, name)).filter(({ preparedAt }) => preparedAt + grace < now);
    names.push(...waiting.map(({ timestamp }) => noteName(name, 'prepared', digestOf('sha256', timestamp))));
    const since = now - Math.max(grace, journalLife);
    const commits = replacedBefore(await readCommits(store, name), since, now);
    names.push(...commits.map(({ version }) => noteName(name, 'journal', version)));
  }
  if (act) await eachSeveralAtOnce(names, (name) => closeNote(store, name));
  return names;
}

async function oldPins(store: SwappableStore, now: number): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of store.list(`${notesFolder}/`)) {
    const pin = isPinName(name) ? await readPin(store, name) : undefined;
    if (pin !== undefined && pin.expiresAt + pinLifetime < now) names.push(name);
  }
  return names;
}

async function oldProbes(store: SwappableStore, now: number): Promise<readonly string[]> {
  const names: string[] = [];
  for (const folder of ['.probe/', listsFolder]) {
    for await (const { name } of store.list(folder)) {
      // A repository gc/lists has its notes below the same folder.
      if (folder === listsFolder && name.slice(folder.length).includes('/')) continue;
      const time = await modifiedTime(store, name);
      if (time !== undefined && time + probeLife < now) names.push(name);
    }
  }
  return names;
}

/** Commits whose successor was noted before, and whose timestamps have expired. Pure. */
export function replacedBefore(
  commits: readonly CommitNote[],
  since: number,
  now: number,
): readonly CommitNote[] {
  const sorted = commits.toSorted((one, other) => one.version - other.version);
  const last = sorted.findLastIndex(({ time }) => time <= since);
  return sorted.filter(({ time, expires = 0 }, index) => index < last && time <= since && expires <= now);
}
