import { TidegateError } from '../../errors.ts';
import type { KeyContext } from './key-context.ts';
import type { Pkcs11Address } from './pkcs11-address.ts';
import type { SigningKey } from './signing-key.ts';

export async function openPkcs11(address: Pkcs11Address, _context: KeyContext): Promise<SigningKey> {
  throw new TidegateError('internal', `${address.scheme}: not there yet`);
}
