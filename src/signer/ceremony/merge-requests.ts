/** Copies of one request that went different ways come together: every signature that counts, each once. */
import { TidegateError } from '../../errors.ts';
import { checkSignatures, type DroppedSignature } from './request-signatures.ts';
import type { SigningRequest } from './signing-request.ts';
import { requestTitle } from './verified-request.ts';

export interface MergedRequest {
  readonly request: SigningRequest;
  /** What does not count, and from which file it came. A copy of a signature that is there already is no news. */
  readonly dropped: readonly (DroppedSignature & { readonly where: string })[];
}

/**
 * @param requests at least one; the first gives everything but the signatures
 * @throws request-invalid when they are not for the same bytes of the same role under the same keys
 */
export function mergeRequests(requests: readonly SigningRequest[]): MergedRequest {
  const [first, ...others] = requests;
  if (first === undefined) throw new TidegateError('usage', 'no request to merge');
  for (const other of others) requireSame(first, other);
  const dropped = requests.flatMap((request) =>
    checkSignatures(first, request.signatures).dropped.map((signature) => ({
      ...signature,
      where: request.where,
    })),
  );
  const { valid } = checkSignatures(
    first,
    requests.flatMap(({ signatures }) => signatures),
  );
  return { request: { ...first, signatures: valid }, dropped };
}

function requireSame(first: SigningRequest, other: SigningRequest): void {
  const differing = differenceOf(first, other);
  if (differing === undefined) return;
  const text = `${other.where} is not a copy of ${first.where}: ${differing}. Nothing was merged`;
  throw new TidegateError('request-invalid', text, {
    file: other.where,
    expected: first.sha256,
    found: other.sha256,
  });
}

function differenceOf(first: SigningRequest, other: SigningRequest): string | undefined {
  if (first.role !== other.role)
    return `it is for ${requestTitle(other)}, the other for ${requestTitle(first)}`;
  if (first.sha256 !== other.sha256)
    return `its payload has the digest ${other.sha256}, the other's ${first.sha256}`;
  if (sideText(first) !== sideText(other)) return 'it names other keys that must sign';
  return undefined;
}

function sideText({ sides }: SigningRequest): string {
  return JSON.stringify(
    sides.map(({ role, keys }) => [role, role.keyIds.map((id) => keys.get(id)?.publicValue)]),
  );
}
