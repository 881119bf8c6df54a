/** The snapshot role (TUF specification 4.4): the version of every targets role at one moment. */
import { type Document, parseDocument } from './document.ts';
import type { Envelope } from './envelope.ts';
import { inside, invalid, objectAt, type Place } from './fields.ts';
import { type FileMeta, parseFileMeta } from './file-meta.ts';
import { snapshotEntryName } from './file-names.ts';

export interface SnapshotDocument extends Document {
  /** By entry name, such as `targets.json`. Entry names are never used as paths. */
  readonly meta: ReadonlyMap<string, FileMeta>;
}

/** @throws type-mismatch, spec-version-unsupported, document-invalid */
export function parseSnapshot(envelope: Envelope): SnapshotDocument {
  const document = parseDocument(envelope, 'snapshot');
  const place: Place = { file: envelope.file, path: 'signed.meta' };
  const meta = new Map<string, FileMeta>();
  for (const [name, value] of objectAt(envelope.signed.get('meta'), place)) {
    if (!name.endsWith('.json')) throw invalid(place, 'entries whose names end in .json', name);
    meta.set(name, parseFileMeta(value, inside(place, name)));
  }
  const targets = snapshotEntryName('targets');
  if (!meta.has(targets)) throw invalid(inside(place, targets), 'an entry', undefined);
  return { ...document, meta };
}
