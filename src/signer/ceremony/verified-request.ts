/**
 * From what a request file holds to a request that may be shown and signed. Everything is verified that can be
 * without the signer's own trusted root:
 *
 * 1. the payload is canonical, and a sound document of the role
 * 2. roots and delegators (request-authority.ts); a root follows exactly the one in force
 * 3. the version rises, and every document is of the repository that the request names
 * 4. attachments are the bytes that the payload lists
 */
import { TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import type { Document } from '../../metadata/document.ts';
import { type Envelope, parseEnvelope } from '../../metadata/envelope.ts';
import { metadataFileName } from '../../metadata/file-names.ts';
import type { JsonObject } from '../../metadata/json.ts';
import { printable } from '../../metadata/printable.ts';
import { isTopLevelRole } from '../../metadata/role-name.ts';
import { parseRoot, type RootDocument } from '../../metadata/root.ts';
import { parseSnapshot } from '../../metadata/snapshot.ts';
import { parseTargetPath } from '../../metadata/target-path.ts';
import { parseTargets, type TargetsDocument, targetOf } from '../../metadata/targets.ts';
import { parseTimestamp } from '../../metadata/timestamp.ts';
import { checkIdentity, checkVersion } from '../../trust/document-check.ts';
import { checkFile, checkLimit } from '../../trust/file-check.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { delegatedSide, meetsThreshold, rootSide, topLevelSide, verifiedRoots } from './request-authority.ts';
import { envelopeOf, readPayload } from './request-payload.ts';
import {
  type RequestContent,
  type RequestSide,
  requestInvalid,
  type SigningRequest,
} from './signing-request.ts';

/** @throws request-invalid with what is wrong; length-limit, count-limit */
export function verifiedRequest(content: RequestContent, where: string): SigningRequest {
  try {
    return verified(content, where);
  } catch (cause) {
    if (!(cause instanceof TidegateError) || cause.code === 'request-invalid' || cause.class === 'limit')
      throw cause;
    throw requestInvalid(where, withoutPrefix(cause.message, `${where}: `), cause);
  }
}

/** The parts of a request are files of the same name to those who read them, and name it already. */
function withoutPrefix(message: string, prefix: string): string {
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}

function verified(content: RequestContent, where: string): SigningRequest {
  const { role, payload, repository } = content;
  const json = readPayload(payload, where);
  const document = readDocument(envelopeOf(json, payload, where), role);
  checkIdentity(document, repository === '' ? undefined : repository);
  if (repository === '' && document.repository !== undefined)
    throw requestInvalid(where, `it names no repository, and its payload belongs to ${document.repository}`);
  const roots = verifiedRoots(content.roots, where);
  const last = roots.at(-1);
  checkIdentity(document, last?.repository);
  checkAttachments(content.attachments, document, where);
  const parts =
    role === 'root'
      ? rootParts(content, document as RootDocument, last, where)
      : otherParts(content, document, roots, where);
  return {
    ...content,
    ...parts,
    previousAttachments: previousAttachments(content, parts.before, where),
    where,
    type: isTopLevelRole(role) ? role : 'targets',
    version: document.version,
    document: json,
    sha256: digestOf('sha256', payload),
    rootVersion: last?.version,
  };
}

type Parts = Pick<SigningRequest, 'sides' | 'before' | 'previousUnverified' | 'unsigned'>;

function rootParts(
  { previous, delegators }: RequestContent,
  document: RootDocument,
  last: RootDocument | undefined,
  where: string,
): Parts {
  if (previous !== undefined || delegators.length > 0)
    throw requestInvalid(where, 'for a root, the root before it is the last of its roots and nothing else');
  checkVersion(where, document.version, (last?.version ?? 0) + 1);
  const own = { ...rootSide(document), by: last === undefined ? 'its own keys' : rootSide(document).by };
  return {
    sides: last === undefined ? [own] : [rootSide(last), own],
    before: last?.json,
    previousUnverified: false,
    unsigned: [],
  };
}

function otherParts(
  content: RequestContent,
  document: Document,
  roots: readonly RootDocument[],
  where: string,
): Parts {
  const { role, delegators } = content;
  const last = roots.at(-1);
  if (last === undefined)
    throw requestInvalid(where, `the root that names the keys of ${role} is missing from its roots`);
  if (isTopLevelRole(role)) {
    if (delegators.length > 0 || role === 'root')
      throw requestInvalid(where, `${role} has no delegators, ${delegators.length} are given`);
    const sides = roots.map((root) => topLevelSide(root, role)).reverse();
    return { sides: sides.slice(0, 1), unsigned: [], ...previousParts(content, document, sides, where) };
  }
  const { side, unsigned } = delegatedSide(last, delegators, role, where);
  return { sides: [side], unsigned, ...previousParts(content, document, [side], where) };
}

/** @param sides the keys of any of which enough must have signed the version before */
function previousParts(
  { previous, role }: RequestContent,
  document: Document,
  sides: readonly RequestSide[],
  where: string,
): Pick<Parts, 'before' | 'previousUnverified'> {
  if (previous === undefined) return { before: undefined, previousUnverified: false };
  const file = `${where}: previous ${role}`;
  checkLimit(previous, defaultLimits.maxTargetsLength, file);
  const envelope = parseEnvelope(previous, defaultLimits, file);
  const before = readDocument(envelope, role);
  if (before.version >= document.version)
    throw requestInvalid(where, `version ${document.version} does not follow version ${before.version}`);
  const isVerified = sides.some((side) => meetsThreshold(envelope, side));
  return { before: isVerified ? before.json : undefined, previousUnverified: !isVerified };
}

function readDocument(envelope: Envelope, role: string): Document {
  switch (role) {
    case 'root':
      return parseRoot(envelope, defaultLimits);
    case 'snapshot':
      return parseSnapshot(envelope);
    case 'timestamp':
      return parseTimestamp(envelope);
    default:
      return parseTargets(envelope, defaultLimits);
  }
}

/** Of a version before that nobody vouches for, nothing is kept. */
function previousAttachments(
  { previousAttachments: attachments, role, payload }: RequestContent,
  before: JsonObject | undefined,
  where: string,
): RequestContent['attachments'] {
  if (before === undefined) return new Map();
  const document = readDocument(envelopeOf(before, payload, `${where}: previous ${role}`), role);
  checkAttachments(attachments, document, where);
  return attachments;
}

function checkAttachments(
  attachments: RequestContent['attachments'],
  document: Document,
  where: string,
): void {
  for (const [name, bytes] of attachments) {
    const target =
      'targets' in document ? targetOf(document as TargetsDocument, parseTargetPath(name)) : undefined;
    if (target === undefined)
      throw requestInvalid(where, `${printable(name)} is attached, and the document does not list it`);
    checkFile(bytes, target, `${where}: attached ${printable(name)}`);
  }
}

/** What the request is about, for people and file names: "root 4". */
export function requestTitle({ role, version }: Pick<SigningRequest, 'role' | 'version'>): string {
  return `${role} ${version}`;
}

/** `root-4.request.json`. */
export function requestFileName({ role, version }: Pick<SigningRequest, 'role' | 'version'>): string {
  return metadataFileName(`${role}-${version}.request`);
}
