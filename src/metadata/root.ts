/** The root role (TUF specification 4.3): which keys, and how many of them, may sign each top-level role. */
import { type Document, parseDocument } from './document.ts';
import type { Envelope } from './envelope.ts';
import { booleanAt, inside, objectAt, type Place } from './fields.ts';
import { type KeySet, parseKeySet, parseRoleKeys, type RoleKeys } from './keys.ts';
import type { DocumentLimits } from './limits.ts';
import { type TopLevelRole, topLevelRoles } from './role-name.ts';

export interface RootDocument extends Document {
  /** Absent means false, as the specification has it. */
  readonly consistentSnapshot: boolean;
  readonly keys: KeySet;
  readonly roles: Readonly<Record<TopLevelRole, RoleKeys>>;
}

/** @throws type-mismatch, spec-version-unsupported, document-invalid, count-limit */
export function parseRoot(envelope: Envelope, limits: DocumentLimits): RootDocument {
  const { file, signed } = envelope;
  const document = parseDocument(envelope, 'root');
  const consistent = signed.get('consistent_snapshot');
  const place: Place = { file, path: 'signed.roles' };
  const roles = objectAt(signed.get('roles'), place);
  const roleKeys = (role: TopLevelRole): RoleKeys =>
    parseRoleKeys(objectAt(roles.get(role), inside(place, role)), limits, inside(place, role));
  const [root, timestamp, snapshot, targets] = topLevelRoles;
  return {
    ...document,
    consistentSnapshot:
      consistent === undefined ? false : booleanAt(consistent, { file, path: 'signed.consistent_snapshot' }),
    keys: parseKeySet(signed.get('keys'), limits, { file, path: 'signed.keys' }),
    roles: {
      root: roleKeys(root),
      timestamp: roleKeys(timestamp),
      snapshot: roleKeys(snapshot),
      targets: roleKeys(targets),
    },
  };
}
