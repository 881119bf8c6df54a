/**
 * Of many repositories one may fail for reasons of its own, for good: the others are published all the same, and the
 * failure is thrown at the end. What concerns all of them, a store that does not answer or a missing right, ends the run.
 */
import { type ErrorCode, isTidegateError, TidegateError } from '../../errors.ts';
import type { FleetName } from '../../metadata/repository-layout.ts';
import { fleetText } from '../workspace/publication-rules.ts';
import type { RepositoryPlace } from '../workspace/workspace.ts';

const ofOneRepository: readonly ErrorCode[] = [
  'base-moved',
  'expired',
  'hash-mismatch',
  'length-mismatch',
  'name-taken',
  'not-found',
  'rollback',
  'state-damaged',
  'store-conflict',
  'threshold-not-met',
  'workspace-invalid',
];

export interface Failure {
  readonly repository: string;
  readonly error: TidegateError;
}

/** @returns the failure of this repository. @throws the error, where it is no matter of one repository */
export function failureOf(repository: string, error: unknown): Failure {
  if (isTidegateError(error, ...ofOneRepository)) return { repository, error };
  throw error;
}

/**
 * @param published how many repositories of the plan are published
 * @throws the first failure, as it is where the plan has one repository, and else with the names of all that failed
 */
export function throwFailures(failures: readonly Failure[], published: number): void {
  const [first] = failures;
  if (first === undefined) return;
  const { error } = first;
  if (failures.length + published === 1) throw error;
  const names = failures.map(({ repository }) => repository);
  const text = `${error.message} (${published} of ${published + failures.length} repositories are published; not ${names.join(', ')}. Next: tidegate release status)`;
  throw new TidegateError(error.code, text, { ...error.details, failed: names }, { cause: error });
}

const ofItsPlan: readonly ErrorCode[] = [
  // To plan again is the way on from `base-moved`, for all of them.
  ...ofOneRepository.filter((code) => code !== 'base-moved'),
  'config-invalid',
  'release-invalid',
  'wave-policy-invalid',
];

/** What stops a repository before anything is written. */
export interface Stop {
  readonly place: RepositoryPlace;
  /** What waits for it; undefined: the repository itself cannot be read. */
  readonly drafts?: readonly FleetDraft[];
}

type FleetDraft = FleetName & { readonly version: string };

/**
 * Before anything is written one repository stops all of them, since a plan is for all: a person has to know which one it
 * is, and how the others can go on without it.
 *
 * @returns the error to throw
 */
export function stopsAll(error: unknown, { place, drafts }: Stop, repositories: number): unknown {
  if (repositories === 1 || !isTidegateError(error, ...ofItsPlan)) return error;
  const named = error.message.includes(place.name) ? error.message : `${place.name}: ${error.message}`;
  const fleets = place.fleets.map(fleetText).join(', ');
  const without =
    drafts === undefined
      ? `take ${fleets} out of tidegate.toml until then`
      : drafts
          .map(({ variant, arch, version }) => `tidegate release drop ${variant} ${arch} ${version}`)
          .join('; ');
  const others = `the other ${repositories - 1} repositories wait until this is mended`;
  const text = `${named} (${others}${without === '' ? '' : `. Without it: ${without}`})`;
  return new TidegateError(error.code, text, { ...error.details, repository: place.name }, { cause: error });
}
