/** The timestamp role (TUF specification 4.6): which snapshot is current. */
import { type Document, parseDocument } from './document.ts';
import type { Envelope } from './envelope.ts';
import { inside, objectAt, type Place } from './fields.ts';
import { type FileMeta, parseFileMeta } from './file-meta.ts';

export interface TimestampDocument extends Document {
  readonly snapshot: FileMeta;
}

/** Other entries of `meta` are passed over. @throws type-mismatch, spec-version-unsupported, document-invalid */
export function parseTimestamp(envelope: Envelope): TimestampDocument {
  const document = parseDocument(envelope, 'timestamp');
  const place: Place = { file: envelope.file, path: 'signed.meta' };
  const meta = objectAt(envelope.signed.get('meta'), place);
  return {
    ...document,
    snapshot: parseFileMeta(meta.get('snapshot.json'), inside(place, 'snapshot.json')),
  };
}
