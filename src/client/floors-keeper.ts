/** The floors in their two copies: read once for each piece of work under the lock, and raised as it goes on. */
import { isTidegateError, TidegateError } from '../errors.ts';
import type { Floors } from '../trust/floors.ts';
import type { Datastore } from './datastore.ts';
import { type FloorsRecord, formatRecord, isSameRecord, newRecord, parseRecord } from './floors-file.ts';
import type { Notes } from './notes.ts';

const copies = [1, 2] as const;
type Copy = FloorsRecord | 'damaged' | 'absent';

/** More than a snapshot of the largest length makes. */
const maxLength = 64 * 1024 * 1024;
/** The time known to have passed is written for its own sake only this often: a host at rest writes nothing. */
const timeStep = 24 * 3_600_000;

export class FloorsKeeper {
  readonly #datastore: Datastore;
  #record: FloorsRecord;
  /** Whether both copies say what `#record` says. */
  #even: boolean;

  private constructor(datastore: Datastore, record: FloorsRecord, even: boolean) {
    this.#datastore = datastore;
    this.#record = record;
    this.#even = even;
  }

  /** @throws state-damaged when there are copies and none is sound; disk-error when none can be read */
  static async load(datastore: Datastore, notes: Notes): Promise<FloorsKeeper> {
    const found = await Promise.all(copies.map((copy) => readCopy(datastore, copy, notes)));
    const sound = found.filter((copy): copy is FloorsRecord => typeof copy === 'object');
    const [first] = sound;
    if (first === undefined) {
      if (found.includes('damaged')) throw damaged(datastore);
      return new FloorsKeeper(datastore, newRecord, true);
    }
    if (found.includes('damaged')) {
      notes.add(
        'state-damaged',
        `One of the two copies of the floors in ${datastore.directory} was damaged.`,
      );
    }
    const newest = sound.reduce((a, b) => (b.generation > a.generation ? b : a));
    const even =
      sound.length === copies.length && sound.every((copy) => copy.generation === newest.generation);
    return new FloorsKeeper(datastore, newest, even);
  }

  get floors(): Floors {
    return this.#record.floors;
  }

  get knownTime(): number {
    return this.#record.knownTime;
  }

  get repository(): string | undefined {
    return this.#record.repository;
  }

  /** Writes the floors if they have moved, or a copy must be mended. */
  async save(
    floors: Floors,
    changes: { readonly time?: number; readonly repository?: string } = {},
  ): Promise<void> {
    const { time = 0, repository = this.#record.repository } = changes;
    const knownTime = Math.max(this.#record.knownTime, time);
    const generation = this.#record.generation + 1;
    const next: FloorsRecord = { generation, floors, knownTime, repository };
    const due = knownTime >= this.#record.knownTime + timeStep;
    if (this.#even && !due && isSameRecord({ ...next, knownTime: this.#record.knownTime }, this.#record))
      return;
    this.#even = false;
    for (const copy of copies) await this.#datastore.writeFloors(copy, formatRecord(next));
    this.#record = next;
    this.#even = true;
  }
}

async function readCopy(datastore: Datastore, copy: 1 | 2, notes: Notes): Promise<Copy> {
  try {
    const bytes = await datastore.readFloors(copy, maxLength);
    return bytes === undefined ? 'absent' : (parseRecord(bytes) ?? 'damaged');
  } catch (error) {
    if (isTidegateError(error) && error.details.found === 'link') throw error;
    if (!isTidegateError(error, 'disk-error', 'not-a-plain-file', 'length-limit')) throw error;
    notes.add(error.code, error.message);
    return 'damaged';
  }
}

function damaged(datastore: Datastore): TidegateError {
  const paths = copies.map((copy) => datastore.floorsPath(copy));
  const text =
    `${paths.join(' and ')}: no copy of the floors is sound, and without them an older repository could not be told ` +
    'from a newer one. Restore one of them, or remove both to begin anew with what the repository now serves.';
  return new TidegateError('state-damaged', text, { path: datastore.directory, files: paths });
}
