/**
 * Whose the roots in the store are. A job goes on only from roots that this workspace knows:
 *
 * 1. A later root that is properly signed was published by as many root keys as must sign. If nobody of the house did
 *    it, a thief has them, and nothing that a command could sign would take them away again.
 * 2. A file in the place of the next root that the keys of the one before have not signed is a thief's of the store
 *    alone. Hosts stop at it, so that it has to go before anything else.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import { readChain } from '../publication/live-repository.ts';
import { chainOf } from '../workspace/roots.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { causesOfOurs } from './recovery.ts';

/**
 * @param later 'allowed' where a later one may be what is about to be taken in
 * @throws base-moved for a later root in the store, and what `trust/` throws for one that is none
 */
export async function requireOwnRoots(
  workspace: Workspace,
  later: 'allowed' | 'refused' = 'refused',
  signal?: AbortSignal,
): Promise<void> {
  const { version } = chainOf(workspace.roots, 'roots').root.document;
  for (const place of repositoriesOf(workspace.settings)) {
    const name = metadataName(place.folders, 'root', version + 1);
    const { root } = await readChain(workspace, place, signal).catch((error: unknown) => {
      throw isTidegateError(error) ? foreign(workspace, name, error) : error;
    });
    if (root.version > version && later === 'refused') throw moved(workspace, name, root.version);
  }
}

function moved({ store }: Workspace, name: string, last: number): TidegateError {
  const text = `${name} in ${store.location} is properly signed, up to root ${last}, and this workspace does not know it. If somebody of yours has published it, bring it to roots/ of this workspace first. If nobody has, a thief has as many root keys as must sign: this cannot be recovered by any command; hosts need a new first root, by an OS image`;
  return new TidegateError('base-moved', text, { name, location: store.location, found: last });
}

function foreign({ store }: Workspace, name: string, error: TidegateError): TidegateError {
  if (causesOfOurs.has(error.class)) return error;
  const text = `${error.message}. ${name} in ${store.location} does not follow from the roots of this workspace, and hosts stop at it: take the access to the store away from whoever wrote it, delete that file, and run this again`;
  return new TidegateError(error.code, text, error.details, { cause: error });
}
