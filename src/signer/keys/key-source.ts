/**
 * Where private keys are, and how they are opened: one file for each kind of place, loaded when it is needed. Who
 * signs with a key file loads neither the AWS SDK nor the library of a token.
 */
import { type KeyAddress, type KeySourceScheme, keySourceSchemes, parseKeyAddress } from './key-address.ts';
import type { KeyContext } from './key-context.ts';
import type { SigningKey } from './signing-key.ts';

export { type KeyContext, type KeySourceScheme, keySourceSchemes };

/** One place with one private key. */
export interface KeySource {
  readonly scheme: KeySourceScheme;
  /** As it was written; printable, never a secret. */
  readonly uri: string;
  readonly address: KeyAddress;
  /**
   * Opens the key, asking for passphrase or PIN where one is needed.
   *
   * @throws key-file-invalid, key-file-permissions, passphrase-wrong, key-unusable, not-found, and what the service
   *   or token behind it has to say
   */
  open(context: KeyContext): Promise<SigningKey>;
}

/** @throws key-uri-invalid naming what was found and the forms that are expected */
export function parseKeyUri(text: string): KeySource {
  const address = parseKeyAddress(text);
  return { scheme: address.scheme, uri: text, address, open: (context) => openKey(address, context) };
}

async function openKey(address: KeyAddress, context: KeyContext): Promise<SigningKey> {
  switch (address.scheme) {
    case 'file':
      return await (await import('./file-source.ts')).openFile(address, context);
    case 'pkcs12':
      return await (await import('./pkcs12-source.ts')).openPkcs12(address, context);
    case 'fd':
      return await (await import('./descriptor-source.ts')).openDescriptor(address, context);
    case 'awskms':
      return await (await import('./aws-kms.ts')).openAwsKms(address, context);
    case 'awsssm':
      return await (await import('./aws-ssm.ts')).openAwsSsm(address, context);
    case 'pkcs11':
      return await (await import('./pkcs11.ts')).openPkcs11(address, context);
  }
}
