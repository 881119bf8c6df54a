import { TidegateError } from '../../errors.ts';
import type { AwsSsmAddress } from './aws-address.ts';
import type { KeyContext } from './key-context.ts';
import type { SigningKey } from './signing-key.ts';

export async function openAwsSsm(address: AwsSsmAddress, _context: KeyContext): Promise<SigningKey> {
  throw new TidegateError('internal', `${address.scheme}: not there yet`);
}
