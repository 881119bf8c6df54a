import { TidegateError } from '../../errors.ts';
import type { DescriptorAddress } from './key-address.ts';
import type { KeyContext } from './key-context.ts';
import type { SigningKey } from './signing-key.ts';

export async function openDescriptor(address: DescriptorAddress, _context: KeyContext): Promise<SigningKey> {
  throw new TidegateError('internal', `${address.scheme}: not there yet`);
}
