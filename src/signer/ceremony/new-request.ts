/** A request for a document that is to be signed. */
import { canonicalBytes } from '../../metadata/canonical.ts';
import type { JsonObject } from '../../metadata/json.ts';
import type { RequestContent, SigningRequest } from './signing-request.ts';
import { requestFileName, verifiedRequest } from './verified-request.ts';

export interface NewRequest
  extends Pick<RequestContent, 'repository' | 'role' | 'roots' | 'plannedAt' | 'base'>,
    Partial<
      Pick<
        RequestContent,
        | 'delegators'
        | 'previous'
        | 'owners'
        | 'longestValidity'
        | 'attachments'
        | 'previousAttachments'
        | 'signatures'
      >
    > {
  readonly document: JsonObject;
}

/** @throws request-invalid for what no signer would accept, so that it is found before it is sent round */
export function makeSigningRequest(wanted: NewRequest): SigningRequest {
  const { document, role } = wanted;
  const version = document.get('version');
  return verifiedRequest(
    {
      repository: wanted.repository,
      role,
      payload: canonicalBytes(document),
      roots: wanted.roots,
      delegators: wanted.delegators ?? [],
      previous: wanted.previous,
      owners: wanted.owners ?? new Map(),
      longestValidity: wanted.longestValidity,
      plannedAt: wanted.plannedAt,
      base: wanted.base,
      attachments: wanted.attachments ?? new Map(),
      previousAttachments: wanted.previousAttachments ?? new Map(),
      signatures: wanted.signatures ?? [],
    },
    requestFileName({ role, version: typeof version === 'number' ? version : 0 }),
  );
}
