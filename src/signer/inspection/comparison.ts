/** Two sets of documents compared: role by role, in the order of the second. */
import { TidegateError } from '../../errors.ts';
import { manifestTarget } from '../../metadata/repository-layout.ts';
import { parseManifest } from '../../waves/manifest.ts';
import type { SigningRequest } from '../ceremony/signing-request.ts';
import { unionOf } from '../review/change.ts';
import { type Difference, differenceOf } from '../review/difference.ts';
import type { OwnerNames } from '../review/key-facts.ts';
import { manifestLines } from '../review/manifest-words.ts';
import { differenceLines } from '../review/words.ts';
import type { GivenDocument } from './document-kind.ts';
import type { Documents, GivenSigned } from './repository-documents.ts';

export interface RoleComparison {
  /** The role; with several repositories, the repository before it. */
  readonly name: string;
  readonly state: 'added' | 'removed' | 'changed' | 'kept';
  /** undefined for a role that is gone. */
  readonly difference: Difference | undefined;
  /** What the manifests say differently, in words; empty where either is not at hand. */
  readonly manifest: readonly string[];
}

export function compareDocuments(
  before: Documents,
  after: Documents,
  names: OwnerNames,
): readonly RoleComparison[] {
  return unionOf([...before.keys()], [...after.keys()]).map((name) => {
    const [old, present] = [before.get(name), after.get(name)];
    if (present === undefined) return { name, state: 'removed', difference: undefined, manifest: [] };
    const difference = differenceOf(old?.signed, present.signed, names);
    const state = old === undefined ? 'added' : difference.differs ? 'changed' : 'kept';
    const manifests = present.manifest !== undefined && (old === undefined || old.manifest !== undefined);
    const manifest = manifests && present.manifest ? manifestLines(old?.manifest, present.manifest) : [];
    return { name, state, difference, manifest };
  });
}

/** The one document of a file, under a name that is the same for the other file. @throws usage for what has none */
export function documentsIn(document: GivenDocument, where: string): Documents {
  switch (document.kind) {
    case 'metadata':
      return new Map([
        [String(document.envelope.signed.get('_type') ?? 'document'), { signed: document.envelope.signed }],
      ]);
    case 'request':
      return new Map([[document.request.type, requestDocument(document.request)]]);
    default:
      throw new TidegateError(
        'usage',
        `${where} is no metadata, signing request or repository: it cannot be compared`,
      );
  }
}

function requestDocument({ document, attachments }: SigningRequest): GivenSigned {
  const manifest = attachments.get(manifestTarget);
  return { signed: document, manifest: manifest && parseManifest(manifest) };
}

const words = { added: 'is new', removed: 'is gone', changed: 'differs', kept: 'is the same' };

export function comparisonLines(comparisons: readonly RoleComparison[]): readonly string[] {
  return comparisons.flatMap(({ name, state, difference, manifest }) => [
    `${name} ${words[state]}`,
    ...(difference === undefined || state === 'kept'
      ? []
      : [...differenceLines(difference), ...manifest].map((line) => `  ${line}`)),
  ]);
}
