/**
 * The audit of one repository, as a stranger sees it: with its public address, a root at most, and no state of earlier
 * looks. It reports everything that is wrong, each with its code, and changes nothing.
 */
import { TidegateError } from '../../errors.ts';
import { metadataFileName } from '../../metadata/file-names.ts';
import { checkExpiry } from '../../trust/document-check.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { TrustPolicy } from '../../trust/policy.ts';
import { finishRoot, type TrustedSet, type VerifiedTargets } from '../../trust/trusted-set.ts';
import { auditKeptSnapshots } from './kept-snapshots.ts';
import { copiesOf, listedTargets } from './listed-targets.ts';
import { countReleases } from './manifest-images.ts';
import type { AuditPlace } from './places.ts';
import { missingFile, Problems } from './problems.ts';
import type { ProfileFinding } from './profile/finding.ts';
import { type LintedFile, lintFiles, type Profile } from './profile.ts';
import type { AuditedRole, AuditReport } from './report.ts';
import { type AuditedRoles, auditRoles } from './roles.ts';
import { auditRoots, type RootChain } from './root-chain.ts';
import type { Sample } from './sample.ts';
import { type AuditedFiles, auditTargetFiles } from './target-files.ts';

export interface AuditOptions {
  /** A root from outside, any version; without it the first root that is found begins the trust. */
  readonly trustedRoot?: Uint8Array;
  /** The version that the chain of roots begins with. Default 1. */
  readonly firstRoot?: number;
  /** Milliseconds since the epoch: what has expired is judged by it. */
  readonly now: number;
  readonly sample: Sample;
  /** Chooses the sample. */
  readonly seed: string;
  readonly profile?: Profile;
  /** Told the bytes of targets read so far, and all that will be. */
  readonly progress?: (bytes: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Nothing has expired at it: expiry is said besides, and ends nothing. */
const auditPolicy: TrustPolicy = {
  now: 0,
  limits: defaultLimits,
  requireConsistentSnapshot: false,
  allowDelegations: true,
  requireHashedKeyIds: false,
};

/**
 * @throws what a trusted root that cannot be one causes, network errors when many files cannot be had, cancelled
 */
export async function auditRepository(place: AuditPlace, options: AuditOptions): Promise<AuditReport> {
  const problems = new Problems();
  const shared = { problems, ...(options.signal !== undefined && { signal: options.signal }) };
  if (!(await isPublished(place, shared))) return reportOf(place, options, { problems });
  const { trustedRoot: anchor, now, firstRoot = 1 } = options;
  const folder = place.metadata;
  const chain = await auditRoots({ ...shared, folder, anchor, firstRoot, policy: auditPolicy });
  const root = chain.set && settledRoot(chain.set, problems, now);
  const audited = root && (await auditRoles({ ...shared, folder, set: root, now }));
  const roles = audited?.roles ?? new Map<string, VerifiedTargets>();
  const consistent = root?.root.document.consistentSnapshot ?? true;
  if (audited !== undefined) await auditKeptSnapshots(place, audited.set, { ...shared, now });
  const targets = listedTargets(roles, problems);
  const files = await auditTargetFiles({ ...shared, ...options, folder: place.targets, targets, consistent });
  const releases = await countReleases(place, roles, { ...shared, consistent });
  const copies = consistent ? await copiesOf(place, targets, files.present, shared) : undefined;
  const profile = profileOf(chain, audited, options, copies);
  return reportOf(place, options, { problems, chain, root, audited, files, releases, profile });
}

/** A place without a timestamp is a wrong address, or nothing was ever published: the rest would say nothing more. */
async function isPublished({ metadata }: AuditPlace, { problems, signal }: Shared): Promise<boolean> {
  const name = metadataFileName('timestamp');
  const options = signal === undefined ? {} : { signal };
  const bytes = await metadata.readMetadata(name, defaultLimits.maxTimestampLength, options);
  if (bytes === undefined) problems.add(missingFile(name, metadata.location, 'nothing is published here'));
  return bytes !== undefined;
}

interface Outcome {
  readonly problems: Problems;
  readonly chain?: RootChain;
  readonly root?: TrustedSet | undefined;
  readonly audited?: AuditedRoles | undefined;
  readonly files?: AuditedFiles;
  readonly releases?: number | undefined;
  readonly profile?: readonly ProfileFinding[];
}

function reportOf(place: AuditPlace, { trustedRoot }: AuditOptions, outcome: Outcome): AuditReport {
  const { problems, chain, root, audited, files, releases, profile = [] } = outcome;
  const { listed = 0, present, verified = 0, bytes = 0 } = files ?? {};
  return {
    repository: place.name,
    metadata: place.metadata.location,
    targets: place.targets.location,
    origin: trustedRoot === undefined ? 'unproven' : 'proven',
    roots: [...(chain?.files.keys() ?? [])],
    stranded: chain?.stranded ?? [],
    roles: rolesOf(audited?.set ?? root, audited?.roles ?? new Map()),
    files: { listed, present: present?.size ?? 0, verified, bytes },
    releases,
    problems: problems.all,
    profile,
  };
}

function settledRoot(set: TrustedSet, problems: Problems, now: number): TrustedSet {
  const { document } = set.root;
  problems.attemptNow(() => checkExpiry(document, now, metadataFileName('root', document.version)));
  if (!document.consistentSnapshot) {
    const text = `root ${document.version}: consistent_snapshot is not true; hosts of Tidegate refuse it unless told otherwise`;
    problems.add(
      new TidegateError('consistent-snapshot-required', text, { found: false, expected: true }),
      'warning',
    );
  }
  return finishRoot(set);
}

interface Shared {
  readonly problems: Problems;
  readonly signal?: AbortSignal;
}

function rolesOf(
  set: TrustedSet | undefined,
  roles: ReadonlyMap<string, VerifiedTargets>,
): readonly AuditedRole[] {
  const found = [
    ['root', set?.root],
    ['timestamp', set?.timestamp],
    ['snapshot', set?.snapshot],
    ['targets', roles.get('targets')],
    ...[...roles].filter(([role]) => role !== 'targets').toSorted(([one], [other]) => (one < other ? -1 : 1)),
  ] as const;
  return found.flatMap(([role, verified]) =>
    verified === undefined
      ? []
      : [{ role, version: verified.document.version, expires: verified.document.expires }],
  );
}

function profileOf(
  chain: RootChain,
  audited: AuditedRoles | undefined,
  { profile, now }: AuditOptions,
  targetFiles: ReadonlySet<string> | undefined,
): readonly ProfileFinding[] {
  if (profile === undefined) return [];
  const roots: readonly LintedFile[] = Array.from(chain.files, ([version, bytes]) => ({
    name: metadataFileName('root', version),
    role: 'root',
    bytes,
  }));
  // Roots of the past have expired, and nobody minds.
  const past = lintFiles(roots.slice(0, -1), { profile });
  const present = lintFiles([...roots.slice(-1), ...(audited?.files ?? [])], {
    profile,
    now,
    ...(targetFiles !== undefined && { targetFiles }),
  });
  return [...past, ...present];
}
