/**
 * Where a private key is, as people write it: `SCHEME:REST`, or a bare path, which is `file:`.
 *
 *     file:keys/targets.key.json                     a key file of ours
 *     pkcs12:release.p12                             a PKCS#12 file
 *     fd:3                                           an open descriptor
 *     awskms:alias/timestamp?region=eu-central-1     a key of AWS KMS: id, alias or ARN
 *     awsssm:/tidegate/timestamp?region=eu-west-1    a key file of ours in a SecureString parameter
 *     pkcs11:token=release;object=root-1?module-path=/usr/lib/softhsm/libsofthsm2.so      RFC 7512
 *
 * 1. Nothing here is a secret, so an address may be printed, logged and kept under version control. A form that
 *    could carry a secret (`pin-value`, user and password in an endpoint) is refused, and what it carried is not repeated.
 * 2. What is unknown, given twice or empty is refused by name: a parameter that is ignored chooses the wrong key.
 */
import { TidegateError } from '../../errors.ts';
import { printable } from '../../metadata/printable.ts';
import { type AwsKmsAddress, type AwsSsmAddress, parseAwsKms, parseAwsSsm } from './aws-address.ts';
import { type Pkcs11Address, parsePkcs11 } from './pkcs11-address.ts';

export const keySourceSchemes = ['file', 'pkcs12', 'awskms', 'awsssm', 'pkcs11', 'fd'] as const;
export type KeySourceScheme = (typeof keySourceSchemes)[number];

export interface FileAddress {
  readonly scheme: 'file' | 'pkcs12';
  /** As it was written; a relative one starts at the folder of the context. */
  readonly path: string;
}

export interface DescriptorAddress {
  readonly scheme: 'fd';
  readonly descriptor: number;
}

export type KeyAddress = FileAddress | DescriptorAddress | AwsKmsAddress | AwsSsmAddress | Pkcs11Address;

const forms: Readonly<Record<KeySourceScheme, string>> = {
  file: 'file:PATH',
  pkcs12: 'pkcs12:PATH',
  awskms: 'awskms:KEY-ID, awskms:alias/NAME or awskms:ARN, then ?region=…&profile=…&endpoint=…',
  awsssm: 'awsssm:/PARAMETER, then ?region=…&profile=…&endpoint=…',
  pkcs11: 'pkcs11:token=…;object=…?module-path=…&pin-source=… (RFC 7512)',
  fd: 'fd:NUMBER',
};

/** Longer is no address. */
const maxLength = 4096;
/** The standard streams are not for keys. */
const firstDescriptor = 3;
const lastDescriptor = 65_535;

/** @throws key-uri-invalid naming what was found and the forms that are expected */
export function parseKeyAddress(text: string): KeyAddress {
  if (text === '' || text.length > maxLength || /[\u0000-\u001f\u007f]/.test(text)) {
    const found = text === '' ? 'nothing' : 'control characters, or far too much text';
    throw invalidAddress(`found ${found}, expected ${allForms()}`);
  }
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]+):(.*)$/is.exec(text) ?? [];
  if (scheme === undefined) return { scheme: 'file', path: text };
  const known = keySourceSchemes.find((name) => name === scheme.toLowerCase());
  if (known === undefined) {
    const hint = `a file with such a name is written ./${printable(text)}`;
    throw invalidAddress(`unknown scheme ${printable(scheme)}: expected ${allForms()}; ${hint}`);
  }
  return parseRest(known, rest);
}

/** The address of a key file, whatever its name looks like. */
export function fileUri(path: string): string {
  return `file:${path}`;
}

function parseRest(scheme: KeySourceScheme, rest: string): KeyAddress {
  const fail = (reason: string): TidegateError =>
    invalidAddress(`${scheme}: ${reason}; expected ${forms[scheme]}`);
  switch (scheme) {
    case 'file':
    case 'pkcs12':
      if (rest === '') throw fail('found no path');
      if (/^\/\/(?!\/)/.test(rest)) throw fail('found a host, and files are local');
      return { scheme, path: rest };
    case 'fd':
      return { scheme, descriptor: parseDescriptor(rest, fail) };
    case 'awskms':
      return parseAwsKms(rest, fail);
    case 'awsssm':
      return parseAwsSsm(rest, fail);
    case 'pkcs11':
      return parsePkcs11(rest, fail);
  }
}

function parseDescriptor(text: string, fail: (reason: string) => TidegateError): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= firstDescriptor && number <= lastDescriptor) return number;
  throw fail(`found ${JSON.stringify(printable(text))}, no number from ${firstDescriptor} on`);
}

function allForms(): string {
  return keySourceSchemes.map((scheme) => forms[scheme]).join(' | ');
}

function invalidAddress(reason: string): TidegateError {
  return new TidegateError('key-uri-invalid', `address of a private key: ${reason}`);
}
