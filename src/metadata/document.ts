/** What all roles have in common (TUF specification 4.3): type, specification version, version and expiry. */
import { TidegateError } from '../errors.ts';
import type { Envelope } from './envelope.ts';
import { describe, integerAt, invalid, type Place, textAt } from './fields.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { printable } from './printable.ts';
import type { TopLevelRole } from './role-name.ts';
import { timeAt } from './time.ts';

/** The version of the specification that Tidegate writes; the one value that every client reads. */
export const writtenSpecVersion = '1.0.0';

/** An unknown member to TUF, signed like the rest: the name of the repository that a document belongs to. */
export const repositoryMember = 'x-tidegate-repository';

export interface Document {
  readonly file: string;
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  /** The name of the repository, in documents that carry one. */
  readonly repository: string | undefined;
  /** The signed part as it was read, unknown members included. */
  readonly json: JsonObject;
}

/** @throws type-mismatch, spec-version-unsupported, document-invalid */
export function parseDocument({ file, signed }: Envelope, type: TopLevelRole): Document {
  const at = (member: string): Place => ({ file, path: `signed.${member}` });
  checkType(file, signed.get('_type'), type);
  checkSpecVersion(signed.get('spec_version'), at('spec_version'));
  const repository = signed.get(repositoryMember);
  return {
    file,
    version: integerAt(signed.get('version'), 1, at('version')),
    expires: timeAt(signed.get('expires'), at('expires')),
    repository: repository === undefined ? undefined : textAt(repository, at(repositoryMember)),
    json: signed,
  };
}

function checkType(file: string, found: JsonValue | undefined, expected: TopLevelRole): void {
  if (found === expected) return;
  throw new TidegateError(
    'type-mismatch',
    `${file}: expected a ${expected} document, found type ${describe(found)}`,
    {
      file,
      expected,
      found: describe(found),
    },
  );
}

const specVersionForm = /^(0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))?$/;

/** Two or three numbers; the major one must be 1. Minor versions only add. */
function checkSpecVersion(value: JsonValue | undefined, place: Place): void {
  const match = typeof value === 'string' ? specVersionForm.exec(value) : null;
  if (match === null || typeof value !== 'string') throw invalid(place, 'a version such as 1.0.0', value);
  if (match[1] === '1') return;
  throw new TidegateError(
    'spec-version-unsupported',
    `${place.file}: written for version ${printable(value)} of the TUF specification; only 1.x can be read`,
    { file: place.file, found: printable(value), expected: '1.x' },
  );
}
