/**
 * Timestamp, snapshot, targets and every role that is delegated, whoever asks for it or not.
 *
 * 1. Everything that a host asks of them, by the same rules; only that one has expired is said and does not end the look
 *    at what it lists.
 * 2. A role that two delegate to is checked for each of them.
 * 3. Hash bins are those that the snapshot lists: of 2^32 possible ones most are empty.
 */
import { TidegateError } from '../../errors.ts';
import { keysForRole } from '../../metadata/delegations.ts';
import type { Document } from '../../metadata/document.ts';
import { metadataFileName, snapshotEntryName } from '../../metadata/file-names.ts';
import { escaped } from '../../metadata/printable.ts';
import { checkExpiry } from '../../trust/document-check.ts';
import {
  listedMeta,
  type RoleReference,
  targetsLimit,
  topLevelTargets,
  updateTargets,
} from '../../trust/targets-role.ts';
import {
  requireSnapshot,
  requireTimestamp,
  snapshotLimit,
  type TrustedSet,
  updateSnapshot,
  updateTimestamp,
  type VerifiedTargets,
} from '../../trust/trusted-set.ts';
import { inParallel } from './parallel.ts';
import { missingFile, type Problems } from './problems.ts';
import type { LintedFile } from './profile.ts';
import type { StoreFolder } from './store-folder.ts';

export interface AuditedRoles {
  /** With timestamp and snapshot, as far as they can be believed. */
  readonly set: TrustedSet;
  /** Targets roles that can be believed, in the order of delegation. */
  readonly roles: ReadonlyMap<string, VerifiedTargets>;
  /** Every file that was read. */
  readonly files: readonly LintedFile[];
}

export interface RolesRequest {
  readonly folder: StoreFolder;
  /** Under the last root. Its policy does not look at expiry. */
  readonly set: TrustedSet;
  readonly problems: Problems;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly signal?: AbortSignal;
}

/** Roles that are looked at, at most: more is reported. */
const maxRoles = 16_384;

export async function auditRoles(request: RolesRequest): Promise<AuditedRoles> {
  const walk = new RoleWalk(request);
  const withTimestamp = await walk.timestamp();
  const withSnapshot = withTimestamp && (await walk.snapshot(withTimestamp));
  const set = withSnapshot ?? withTimestamp ?? request.set;
  if (withSnapshot !== undefined) await walk.targets(withSnapshot);
  return { set, roles: walk.roles, files: walk.files };
}

class RoleWalk {
  readonly roles = new Map<string, VerifiedTargets>();
  readonly files: LintedFile[] = [];
  readonly #request: RolesRequest;

  constructor(request: RolesRequest) {
    this.#request = request;
  }

  async timestamp(): Promise<TrustedSet | undefined> {
    const { set, problems } = this.#request;
    return await problems.attempt(async () => {
      const bytes = await this.#read('timestamp', undefined, set.policy.limits.maxTimestampLength);
      const next = updateTimestamp(set, bytes);
      this.#life(requireTimestamp(next).document, metadataFileName('timestamp'));
      return next;
    });
  }

  async snapshot(set: TrustedSet): Promise<TrustedSet | undefined> {
    const { problems } = this.#request;
    return await problems.attempt(async () => {
      const { version } = requireTimestamp(set).document.snapshot;
      const bytes = await this.#read('snapshot', this.#named(version), snapshotLimit(set));
      const next = updateSnapshot(set, bytes);
      this.#life(requireSnapshot(next).document, metadataFileName('snapshot', this.#named(version)));
      return next;
    });
  }

  /** Level by level, so that a role is read once however many delegate to it. */
  async targets(set: TrustedSet): Promise<void> {
    const seen = new Set<string>(['targets']);
    let level: readonly (readonly RoleReference[])[] = [[topLevelTargets]];
    while (level.length > 0) {
      await inParallel(level, 4, async (references) => await this.#role(set, references));
      const next = new Map<string, RoleReference[]>();
      for (const [{ role: delegator }] of level as readonly (readonly [RoleReference])[]) {
        for (const role of this.#delegatedBy(set, delegator)) {
          // What could not be believed at all has been said.
          if (this.roles.has(role)) await this.#role(set, [{ role, delegator }]);
          else if (!seen.has(role)) next.set(role, [...(next.get(role) ?? []), { role, delegator }]);
        }
      }
      for (const role of next.keys()) seen.add(role);
      if (seen.size > maxRoles) {
        this.#request.problems.add(
          new TidegateError(
            'delegation-limit',
            `more than ${maxRoles} roles are delegated; the rest was not looked at`,
            { limit: maxRoles },
          ),
        );
        return;
      }
      level = [...next.values()];
    }
    this.#undelegated(set);
  }

  async #role(set: TrustedSet, references: readonly RoleReference[]): Promise<void> {
    const { problems } = this.#request;
    const [first] = references;
    if (first === undefined) return;
    await problems.attempt(async () => {
      const { role } = first;
      const { version } = listedMeta(set, role);
      const bytes =
        this.roles.get(role)?.bytes ??
        (await this.#read(role, this.#named(version), targetsLimit(set, role)));
      for (const reference of references) {
        const verified = problems.attemptNow(() => this.#verified(set, bytes, reference));
        if (verified === undefined) continue;
        const known = this.roles.get(role);
        if (known === undefined) this.#life(verified.document, metadataFileName(role, this.#named(version)));
        const delegators = new Set([...(known?.delegators ?? []), reference.delegator]);
        this.roles.set(role, { ...(known ?? verified), delegators });
      }
    });
  }

  #verified(set: TrustedSet, bytes: Uint8Array, reference: RoleReference): VerifiedTargets | undefined {
    const delegator = this.roles.get(reference.delegator);
    // Nothing but the delegator is needed, and a copy of thousands for each of thousands would be much.
    const targets = new Map(delegator === undefined ? [] : [[reference.delegator, delegator]]);
    return updateTargets({ ...set, targets }, bytes, reference).targets.get(reference.role);
  }

  #delegatedBy(set: TrustedSet, delegator: string): readonly string[] {
    const delegations = this.roles.get(delegator)?.document.delegations;
    if (delegations === undefined) return [];
    if (delegations.succinct === undefined) return delegations.roles.map(({ name }) => name);
    return listedRoles(set).filter((name) => keysForRole(delegations, name) !== undefined);
  }

  /** What the snapshot lists and nobody delegates: nobody will ever read it. */
  #undelegated(set: TrustedSet): void {
    const { problems } = this.#request;
    const listed = new Set(listedRoles(set));
    const named = [...this.roles.keys()].flatMap((role) => [role, ...this.#delegatedBy(set, role)]);
    for (const role of listed.difference(new Set([...named, 'root', 'targets']))) {
      const text = `snapshot lists ${escaped(snapshotEntryName(role))}, and no role that can be believed delegates to it`;
      problems.add(new TidegateError('document-invalid', text, { role }), 'warning');
    }
  }

  async #read(role: string, version: number | undefined, limit: number): Promise<Uint8Array> {
    const { folder, signal } = this.#request;
    const name = metadataFileName(role, version);
    const bytes = await folder.readMetadata(name, limit, signal === undefined ? {} : { signal });
    if (bytes === undefined)
      throw missingFile(name, folder.location, 'another file names it, and hosts ask for it', { role });
    this.files.push({ name, role, bytes });
    return bytes;
  }

  /** The version in the name of a file, where the root wants one. */
  #named(version: number): number | undefined {
    return this.#request.set.root.document.consistentSnapshot ? version : undefined;
  }

  #life(document: Document, file: string): void {
    const { problems, now } = this.#request;
    problems.attemptNow(() => checkExpiry(document, now, file));
  }
}

function listedRoles(set: TrustedSet): readonly string[] {
  return Array.from(requireSnapshot(set).document.meta.keys(), (name) => name.slice(0, -'.json'.length));
}
