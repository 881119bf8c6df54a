/** Documents of the simulator, changed and read again by the parsers of metadata/. */
import { parseEnvelope } from '../../src/metadata/envelope.ts';
import { type DocumentLimits, documentLimits } from '../../src/metadata/limits.ts';
import { parseRoot, type RootDocument } from '../../src/metadata/root.ts';
import { parseSnapshot, type SnapshotDocument } from '../../src/metadata/snapshot.ts';
import { parseTargets, type TargetsDocument } from '../../src/metadata/targets.ts';
import { parseTimestamp, type TimestampDocument } from '../../src/metadata/timestamp.ts';
import { fixtureRepository } from './fixture-repository.ts';
import type { AnyDocument, TopLevel } from './simulated-documents.ts';
import { record, writtenJson } from './written-json.ts';

const fixture = fixtureRepository();
fixture.delegate('targets', 'delegated', { paths: ['a/*'] });

/** A changeable copy of the fixture's document of a role. */
export function documentOf(role: TopLevel): Record<string, unknown> {
  return copyOf(fixture.document(role));
}

export function copyOf(document: AnyDocument): Record<string, unknown> {
  return JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
}

/** Sets a member by its path; undefined removes it. */
export function changed(
  document: Record<string, unknown>,
  path: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const [name = '', ...rest] = path;
  const copy = record<unknown>(document);
  if (rest.length > 0) copy[name] = changed(copy[name] as Record<string, unknown>, rest, value);
  else if (value === undefined) delete copy[name];
  else copy[name] = value;
  return copy;
}

export function envelopeOf(signed: unknown, limits: DocumentLimits = documentLimits, file = 'x.json') {
  return parseEnvelope(new TextEncoder().encode(writtenJson({ signatures: [], signed })), limits, file);
}

export const readRoot = (signed: unknown): RootDocument => parseRoot(envelopeOf(signed), documentLimits);
export const readTimestamp = (signed: unknown): TimestampDocument => parseTimestamp(envelopeOf(signed));
export const readSnapshot = (signed: unknown): SnapshotDocument => parseSnapshot(envelopeOf(signed));
export const readTargets = (signed: unknown, limits = documentLimits): TargetsDocument =>
  parseTargets(envelopeOf(signed), limits);

export const readers: Readonly<Record<TopLevel, (signed: unknown) => unknown>> = {
  root: readRoot,
  timestamp: readTimestamp,
  snapshot: readSnapshot,
  targets: readTargets,
};
