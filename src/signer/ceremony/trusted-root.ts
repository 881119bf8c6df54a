/** The signer's own root against the roots of a request: only it can tell whether they are of the right repository. */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { parseEnvelope } from '../../metadata/envelope.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { verifiedRoots } from './request-authority.ts';
import { requestInvalid, type SigningRequest } from './signing-request.ts';

/**
 * Leads from the root that the signer trusts to the root in force that the request names.
 *
 * @param trusted the bytes of a root file of any version up to the one in force
 * @returns the version of the trusted root
 * @throws request-invalid when the chain is another one or has a gap; base-moved when the signer trusts a later root
 */
export function checkTrustedRoot(request: SigningRequest, trusted: Uint8Array): number {
  const { where, roots, rootVersion } = request;
  const [anchor] = verifiedRoots([trusted], where);
  if (anchor === undefined || rootVersion === undefined)
    throw requestInvalid(where, `it makes a first root, and you trust root ${anchor?.version} already`);
  const { version } = anchor;
  const first = rootVersion - roots.length + 1;
  if (version > rootVersion) {
    const text = `${where} was made when root ${rootVersion} was in force; you trust root ${version}. Nothing was signed or written`;
    throw new TidegateError('base-moved', text, { file: where, found: rootVersion, expected: version });
  }
  if (version < first - 1)
    throw requestInvalid(
      where,
      `its roots begin with root ${first}, and you trust root ${version}; give a later --root`,
    );
  const same = roots[version - first];
  if (same !== undefined && !isSameDocument(same, trusted))
    throw requestInvalid(where, `its root ${version} is not the root ${version} that you trust`);
  if (same === undefined) requireChain([trusted, ...roots], where);
  return version;
}

function requireChain(roots: readonly Uint8Array[], where: string): void {
  try {
    verifiedRoots(roots, where);
  } catch (cause) {
    if (!isTidegateError(cause)) throw cause;
    throw requestInvalid(where, `its roots do not follow the root that you trust: ${cause.message}`, cause);
  }
}

/** Signatures may differ; what they cover may not. */
function isSameDocument(a: Uint8Array, b: Uint8Array): boolean {
  const [one, other] = [a, b].map((bytes) => parseEnvelope(bytes, defaultLimits, 'root').canonical);
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0;
}
