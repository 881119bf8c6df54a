/**
 * The repositories of an adoption: one, or in Bottlerocket's layout one for each variant and architecture, all under the
 * same roots. Each is read whole, with its list of releases if it has one.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { type FleetName, manifestTarget, type RepositoryLayout } from '../../metadata/repository-layout.ts';
import { targetOf } from '../../metadata/targets.ts';
import { checkFile } from '../../trust/file-check.ts';
import { maxManifestBytes } from '../../waves/limits.ts';
import { parseManifest } from '../../waves/manifest.ts';
import { imageLayouts, type Manifest } from '../../waves/release.ts';
import { findTargets } from './adopted-targets.ts';
import { type AdoptedRepository, type AdoptedRoot, readAdopted } from './read-adopted.ts';
import { findSource, type Source, type SourceLocations } from './source.ts';

export interface AdoptedPlace {
  /** Whom it serves; undefined: everybody. */
  readonly fleet: FleetName | undefined;
  readonly source: Source;
  readonly repository: AdoptedRepository;
  /** undefined: it lists no releases. */
  readonly manifest: Manifest | undefined;
}

export interface PlacesRequest extends SourceLocations {
  /** The root that hosts trust. */
  readonly root: Uint8Array;
  /** undefined: what is found decides. */
  readonly layout: RepositoryLayout | undefined;
  /** undefined: those of the list of releases. */
  readonly fleets: readonly FleetName[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface AdoptedPlaces {
  readonly layout: RepositoryLayout;
  readonly fleets: readonly FleetName[];
  readonly places: readonly AdoptedPlace[];
  /** The longest of the chains of roots; the others are parts of it. */
  readonly roots: readonly AdoptedRoot[];
}

/** @throws not-found, identity-mismatch, manifest-invalid, usage, and what `readAdopted` throws */
export async function readPlaces(request: PlacesRequest): Promise<AdoptedPlaces> {
  const whole = request.layout === 'bottlerocket' ? undefined : await readWhole(request);
  if (whole !== undefined) return whole;
  const { fleets } = request;
  if (fleets === undefined || fleets.length === 0) {
    const text = `${request.location}: say which variants lie there, for instance --variant aws-k8s-1.31/x86_64`;
    throw new TidegateError('usage', text, { location: request.location });
  }
  const places: AdoptedPlace[] = [];
  for (const fleet of fleets) places.push(await readPlace(request, fleet));
  return { layout: 'bottlerocket', fleets, places, roots: sharedRoots(places) };
}

/** Metadata right where the location is: one repository for all, or that of the one variant that its releases name. */
async function readWhole(request: PlacesRequest): Promise<AdoptedPlaces | undefined> {
  const place = await readPlace(request, undefined).catch((error: unknown) => {
    // Where variants are given the metadata may lie deeper.
    if (request.fleets !== undefined && request.layout === undefined && isTidegateError(error, 'not-found'))
      return undefined;
    throw error;
  });
  if (place === undefined) return undefined;
  const { manifest, repository } = place;
  const fleets = request.fleets ?? fleetsOf(manifest);
  const [fleet] = fleets;
  if (
    request.layout === undefined &&
    isBottlerocket(manifest) &&
    fleet !== undefined &&
    fleets.length === 1
  ) {
    return { layout: 'bottlerocket', fleets, places: [{ ...place, fleet }], roots: repository.roots };
  }
  const some = fleets.length > 0 ? fleets : [{ variant: 'demo', arch: 'x86_64' }];
  return { layout: 'single', fleets: some, places: [place], roots: repository.roots };
}

async function readPlace(request: PlacesRequest, fleet: FleetName | undefined): Promise<AdoptedPlace> {
  const source = await findSource(request, fleet);
  const repository = await readAdopted(source, request.root, request.signal);
  return { fleet, source, repository, manifest: await readManifest(source, repository, request.signal) };
}

async function readManifest(
  source: Source,
  { set }: AdoptedRepository,
  signal: AbortSignal | undefined,
): Promise<Manifest | undefined> {
  const document = set.targets.get('targets')?.document;
  const target = document && targetOf(document, manifestTarget);
  if (target === undefined) return undefined;
  const [found] = await findTargets(source.targets, [target], signal);
  const file = await found?.store.read(found.name, maxManifestBytes, signal && { signal });
  if (found === undefined || file === undefined) return undefined;
  checkFile(file.bytes, target, `${found.store.location}: ${found.name}`);
  return parseManifest(file.bytes);
}

function fleetsOf(manifest: Manifest | undefined): readonly FleetName[] {
  const fleets = (manifest?.updates ?? []).map(({ variant, arch }) => ({ variant, arch }));
  return [...new Map(fleets.map((fleet) => [JSON.stringify(fleet), fleet])).values()];
}

function isBottlerocket(manifest: Manifest | undefined): boolean {
  const updates = manifest?.updates ?? [];
  return (
    updates.length > 0 &&
    updates.every(({ images }) => imageLayouts.bottlerocket.every((kind) => kind in images))
  );
}

/** @throws identity-mismatch when two repositories have different roots of one version */
function sharedRoots(places: readonly AdoptedPlace[]): readonly AdoptedRoot[] {
  const merged = new Map<number, AdoptedRoot>();
  for (const { repository, source } of places) {
    for (const root of repository.roots) {
      const { version } = root.document;
      const other = merged.get(version) ?? root;
      if (digestOf('sha256', other.bytes) !== digestOf('sha256', root.bytes)) {
        const text = `root ${version} in ${source.metadata.location} is another than that of the other variants; one workspace has one chain of roots`;
        throw new TidegateError('identity-mismatch', text, { version, location: source.metadata.location });
      }
      merged.set(version, root);
    }
  }
  return [...merged.values()].sort((a, b) => a.document.version - b.document.version);
}
