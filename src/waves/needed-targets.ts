/** Which targets hosts may still want: what may not be taken away while a release or a migration lists it. */
import { migrationKey } from './migrations.ts';
import { type Manifest, releaseName } from './release.ts';

/** Each target path that the manifest needs, and what needs it, for messages. */
export function neededTargets(manifest: Manifest): ReadonlyMap<string, string> {
  const needed = new Map<string, string>();
  for (const hop of manifest.migrations) {
    for (const target of hop.targets) needed.set(target, `a program of migration ${migrationKey(hop)}`);
  }
  for (const release of manifest.updates) {
    for (const target of Object.values(release.images)) {
      needed.set(target, `an image of release ${releaseName(release)}`);
    }
  }
  return needed;
}
