/** Other regions for people and programs: those that follow are passed over in silence. */
import type { RegionState } from '../signer/publication/region.ts';
import { printableLine } from '../terminal.ts';

/** Of commands that see a root with keys that nobody knows; so that a job can tell. */
export const strangeRootStatus = 77;

export function regionLines(regions: readonly RegionState[]): readonly string[] {
  return regions.flatMap(({ repository, region, version, standing, error }) => {
    if (standing === 'current') return [];
    const why = error === undefined ? '' : `: ${error.message}`;
    const text = {
      advanced: `${repository}: ${region} follows, timestamp ${version}`,
      behind: `warning: ${repository}: ${region} still shows ${version === undefined ? 'nothing' : `timestamp ${version}`}${why}`,
      unreachable: `warning: ${repository}: ${region} is not current${why}`,
    };
    return [printableLine(text[standing])];
  });
}

export function regionData({ error, version, ...state }: RegionState): unknown {
  return { ...state, version: version ?? null, error: error?.code ?? null };
}
