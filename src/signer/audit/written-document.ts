/**
 * What is about to be written keeps the portable profile. What stood in the document before, as others made it, is kept:
 * a repository that was taken over is not held up by it. Nothing of the kind is added. Pure.
 */
import { TidegateError } from '../../errors.ts';
import type { JsonObject } from '../../metadata/json.ts';
import { type ProfileFinding, sentenceOf } from './profile/finding.ts';
import { lintUnsigned } from './profile.ts';

/**
 * @param signed the document as it would be signed
 * @param before the one that it replaces
 * @throws document-invalid naming the member, the rule and the client that would stumble
 */
export function refuseUnportable(signed: JsonObject, before: JsonObject | undefined): void {
  const found = findingsOf(signed);
  if (found.length === 0) return;
  const known = new Set(before === undefined ? [] : findingsOf(before).map(kindOf));
  const fresh = found.find((one) => !known.has(kindOf(one)));
  if (fresh === undefined) return;
  const { rule, path, peers } = fresh;
  const text = `${sentenceOf(fresh)}. Nothing of the kind is signed`;
  throw new TidegateError('document-invalid', text, {
    rule,
    path,
    found: fresh.found,
    peers: Object.keys(peers),
  });
}

function findingsOf(signed: JsonObject): readonly ProfileFinding[] {
  return lintUnsigned(signed, { profile: 'portable' });
}

/** Equal for the same fault in the same place; entries of lists may have moved. */
function kindOf({ rule, path, found }: ProfileFinding): string {
  return JSON.stringify([rule, path.replaceAll(/\[\d+\]/g, '[]'), found]);
}
