/** A file or address, inspected by what it is. */
import type { SigningRequest } from '../ceremony/signing-request.ts';
import { ownerNames } from '../review/owner-names.ts';
import type { Review } from '../review/request-review.ts';
import { reviewData } from '../review/review-data.ts';
import { reviewLines } from '../review/review-words.ts';
import { readDocument } from './document-kind.ts';
import { type GivenFileOptions, readGiven } from './given-file.ts';
import { keyDocumentData, manifestDocumentData, metadataData } from './inspection-data.ts';
import { keyDocumentLines, manifestDocumentLines, metadataLines } from './inspection-words.ts';
import { inspectMetadata } from './metadata-inspection.ts';

export interface InspectOptions extends GivenFileOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Names by key id, from public keys of one's own. */
  readonly names: ReadonlyMap<string, string>;
  /** Files whose keys signatures are checked with. */
  readonly root?: string | undefined;
  readonly delegator?: string | undefined;
  review(request: SigningRequest): Promise<Review>;
}

export interface Inspected {
  readonly lines: readonly string[];
  readonly data: unknown;
}

/** @throws not-metadata, json-invalid, request-invalid and whatever else is wrong with the file; not-found */
export async function inspectFile(location: string, options: InspectOptions): Promise<Inspected> {
  const { now } = options;
  const names = ownerNames(new Map(), options.names);
  const read = async (path: string | undefined): Promise<Uint8Array | undefined> =>
    path === undefined ? undefined : await readGiven(path, options);
  const document = readDocument(await readGiven(location, options), location);
  switch (document.kind) {
    case 'metadata': {
      const files = { root: await read(options.root), delegator: await read(options.delegator) };
      const inspection = inspectMetadata(document.envelope, document.bytes, files, names);
      const data = metadataData(inspection, document.envelope.signed, now);
      return { lines: metadataLines(inspection, now), data };
    }
    case 'request': {
      const review = await options.review(document.request);
      return { lines: reviewLines(review), data: { kind: 'request', ...reviewData(review) } };
    }
    case 'manifest':
      return {
        lines: manifestDocumentLines(document, location),
        data: manifestDocumentData(document, location),
      };
    default:
      return {
        lines: keyDocumentLines(document, location, names),
        data: keyDocumentData(document, location, names),
      };
  }
}
