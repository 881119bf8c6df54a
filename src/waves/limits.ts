/** Every limit of the manifest, in one place. Generous for real fleets, small for a host's memory. */
import type { JsonLimits } from '../metadata/json.ts';

/** Bytes of a manifest: room for more than 10,000 releases. */
export const maxManifestBytes = 16 * 1024 * 1024;

export const manifestJsonLimits: JsonLimits = {
  maxDepth: 32,
  maxValues: 1_000_000,
  maxDigits: 20,
};
