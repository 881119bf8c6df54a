import { TidegateError } from '../../errors.ts';
import type { FileAddress } from './key-address.ts';
import type { KeyContext } from './key-context.ts';
import type { SigningKey } from './signing-key.ts';

export async function openFile(address: FileAddress, _context: KeyContext): Promise<SigningKey> {
  throw new TidegateError('internal', `${address.scheme}: not there yet`);
}
