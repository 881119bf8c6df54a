/**
 * Mirrors: several sources of the same files, asked in order.
 *
 * 1. What a source does wrong (unreachable, slow, stale, altered, rolled back) is reported, and the next is asked.
 * 2. Trouble of this host (disk, lock, clock, cancelled) ends the work at once: no other source would help.
 * 3. A source that failed goes to the end of the line for the rest of the work.
 * 4. When all have failed, the error of a source that answered wrongly is thrown before that of one that did not
 *    answer: an attack must not be hidden behind a cable.
 */
import { type ErrorClass, type ErrorCode, TidegateError } from '../errors.ts';
import type { Source } from './source.ts';

/** What one source did wrong. */
export interface SourceFault {
  readonly location: string;
  readonly file: string;
  readonly code: ErrorCode;
  readonly message: string;
}

const ownTrouble: ReadonlySet<ErrorClass> = new Set<ErrorClass>([
  'usage',
  'config',
  'internal',
  'disk',
  'lock',
  'clock',
  'key',
  'state',
  'disagreement',
  'cancelled',
]);

/** True for an error that another source might not have. */
function isFaultOfSource(error: unknown): error is TidegateError {
  return error instanceof TidegateError && !ownTrouble.has(error.class) && error.code !== 'root-limit';
}

export class Mirrors {
  readonly faults: SourceFault[] = [];
  #order: readonly Source[];

  constructor(sources: readonly Source[]) {
    this.#order = sources;
  }

  /**
   * Does the work with the first source with which it succeeds.
   *
   * @param file for messages
   */
  async first<T>(file: string, work: (source: Source) => Promise<T>): Promise<T> {
    const errors: TidegateError[] = [];
    for (const source of this.#order) {
      try {
        return await work(source);
      } catch (error) {
        if (!isFaultOfSource(error)) throw error;
        errors.push(error);
        this.report(source, file, error);
      }
    }
    throw gravest(file, errors);
  }

  /** Notes a fault and moves the source to the end of the line. */
  report(source: Source, file: string, { code, message }: TidegateError): void {
    this.faults.push({ location: source.location, file, code, message });
    this.#order = [...this.#order.filter((other) => other !== source), source];
  }
}

function gravest(file: string, errors: readonly TidegateError[]): TidegateError {
  const error = errors.find((one) => one.class !== 'network') ?? errors[0];
  if (error === undefined) return new TidegateError('internal', `${file}: there is no source`);
  if (errors.length === 1) return error;
  const text = `${error.message} (none of ${errors.length} locations had ${file} right)`;
  return new TidegateError(error.code, text, error.details, { cause: error });
}
