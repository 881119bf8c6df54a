/**
 * A few lines for whoever opens a request in an editor. Nobody decides by them: they are not read back, and whoever can
 * edit the file can write others. `tidegate review` shows what is in the payload.
 */
import { differenceOf } from '../review/difference.ts';
import { ownerNames } from '../review/owner-names.ts';
import { differenceLines } from '../review/words.ts';
import type { SigningRequest } from './signing-request.ts';
import { requestTitle } from './verified-request.ts';

const maxLines = 200;

export function summaryOf(request: SigningRequest): readonly string[] {
  const { repository, before, document, owners } = request;
  const lines = [
    `${requestTitle(request)} of ${repository === '' ? 'a repository without a name' : repository}`,
    'This summary is not signed. Type: tidegate review FILE',
    ...differenceLines(differenceOf(before, document, ownerNames(owners, new Map()))),
  ];
  const more = lines.length - maxLines;
  return more > 0 ? [...lines.slice(0, maxLines), `and ${more} more lines`] : lines;
}
