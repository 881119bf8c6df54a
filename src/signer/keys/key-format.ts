/**
 * What a file with a key is, told from its first bytes, so that an error can name the format that was found beside
 * those that are expected. Nothing is decoded here.
 */
import { TidegateError } from '../../errors.ts';

const names = {
  'key-file': 'a key file of Tidegate',
  'public-file': 'a public key file (.pub)',
  'pkcs8-pem': 'PKCS#8 in PEM',
  'pkcs8-pem-encrypted': 'encrypted PKCS#8 in PEM',
  'pkcs1-pem': 'PKCS#1 (RSA) in PEM',
  'pkcs1-pem-encrypted': 'PKCS#1 (RSA) in PEM, encrypted as OpenSSL did before 2010',
  'sec1-pem': 'SEC1 (EC) in PEM',
  'sec1-pem-encrypted': 'SEC1 (EC) in PEM, encrypted as OpenSSL did before 2010',
  'openssh-pem': "OpenSSH's own format",
  'public-pem': 'a public key in PEM',
  'certificate-pem': 'a certificate in PEM',
  'public-openssh': 'a public key of OpenSSH',
  pem: 'PEM of another kind',
  'pkcs8-der': 'PKCS#8 in DER',
  'pkcs8-der-encrypted': 'encrypted PKCS#8 in DER',
  'pkcs1-der': 'PKCS#1 (RSA) in DER',
  'sec1-der': 'SEC1 (EC) in DER',
  'public-der': 'a public key in DER',
  'certificate-der': 'a certificate in DER',
  pkcs12: 'PKCS#12',
  der: 'DER of another kind',
  seed: 'a raw ed25519 seed of 32 bytes',
  json: 'JSON that is no key file',
  empty: 'an empty file',
  unknown: 'bytes of no known key format',
} as const;

export type KeyFormat = keyof typeof names;

export function formatName(format: KeyFormat): string {
  return names[format];
}

const pemLabels: ReadonlyMap<string, KeyFormat> = new Map([
  ['PRIVATE KEY', 'pkcs8-pem'],
  ['ENCRYPTED PRIVATE KEY', 'pkcs8-pem-encrypted'],
  ['RSA PRIVATE KEY', 'pkcs1-pem'],
  ['EC PRIVATE KEY', 'sec1-pem'],
  ['OPENSSH PRIVATE KEY', 'openssh-pem'],
  ['PUBLIC KEY', 'public-pem'],
  ['RSA PUBLIC KEY', 'public-pem'],
  ['CERTIFICATE', 'certificate-pem'],
  // OpenSSL writes the curve in a block of its own before the key.
  ['EC PARAMETERS', 'sec1-pem'],
]);

/** The first bytes inside the outer SEQUENCE, in hexadecimal. */
const derForms: readonly (readonly [RegExp, KeyFormat])[] = [
  [/^02010330/, 'pkcs12'],
  [/^02010[01]30/, 'pkcs8-der'],
  [/^0201000282/, 'pkcs1-der'],
  [/^0201010420/, 'sec1-der'],
  [/^020101043[01]/, 'sec1-der'],
  // AlgorithmIdentifier of PKCS#5 or PKCS#12 encryption.
  [/^30(?:..|81..|82....)0609(?:2a864886f70d0105)/, 'pkcs8-der-encrypted'],
  [/^30(?:..|81..|82....)060a(?:2a864886f70d010c01)/, 'pkcs8-der-encrypted'],
  [/^30(?:..)06(?:03|07|09).*?03(?:..|81..|82....)00/, 'public-der'],
  [/^30(?:82....|81..)a003020102/, 'certificate-der'],
];

export function formatOf(bytes: Uint8Array): KeyFormat {
  if (bytes.length === 0) return 'empty';
  if (bytes[0] === 0x30) return derFormat(bytes) ?? (bytes.length === 32 ? 'seed' : 'der');
  const text = Buffer.from(bytes.subarray(0, 4096)).toString('latin1');
  const label = /^-----BEGIN ([A-Z0-9 ]+)-----/m.exec(text)?.[1];
  if (label !== undefined) return pemFormat(label, text);
  if (/^(?:ssh-|ecdsa-sha2-)/.test(text)) return 'public-openssh';
  if (/^\s*\{/.test(text)) return jsonFormat(text);
  return bytes.length === 32 ? 'seed' : 'unknown';
}

function pemFormat(label: string, text: string): KeyFormat {
  const format = pemLabels.get(label) ?? 'pem';
  if (!/^Proc-Type: 4,ENCRYPTED/m.test(text)) return format;
  if (format === 'pkcs1-pem') return 'pkcs1-pem-encrypted';
  return format === 'sec1-pem' ? 'sec1-pem-encrypted' : 'pem';
}

function jsonFormat(text: string): KeyFormat {
  if (/"format"\s*:\s*"tidegate-private-key"/.test(text)) return 'key-file';
  return /"keytype"\s*:/.test(text) && /"public"\s*:/.test(text) ? 'public-file' : 'json';
}

function derFormat(bytes: Uint8Array): KeyFormat | undefined {
  const length = bytes[1] ?? 0;
  const start = length < 0x80 ? 2 : 2 + (length & 0x7f);
  const hex = Buffer.from(bytes.subarray(start, start + 64)).toString('hex');
  return derForms.find(([form]) => form.test(hex))?.[1];
}

/** @throws key-file-invalid naming the format that was found and those that are expected */
export function checkFormat<Format extends KeyFormat>(
  bytes: Uint8Array,
  expected: readonly Format[],
  path: string,
): Format {
  const found = formatOf(bytes);
  const format = expected.find((candidate) => candidate === found);
  if (format !== undefined) return format;
  throw wrongFormat(found, expected, path);
}

function wrongFormat(found: KeyFormat, expected: readonly KeyFormat[], path: string): TidegateError {
  const wanted = expected.length > 3 ? familiesOf(expected) : expected.map(formatName).join(', or ');
  return new TidegateError(
    'key-file-invalid',
    `${path}: found ${formatName(found)}, expected ${wanted}${hint(found, expected)}`,
    { path, found, expected },
  );
}

/** A long list in short: without the encodings of each. */
function familiesOf(formats: readonly KeyFormat[]): string {
  const families = formats.map((format) =>
    formatName(format)
      .replace(/^encrypted /, '')
      .replace(/ in (?:PEM|DER).*$/, ''),
  );
  return `one of: ${[...new Set(families)].join(', ')}; in PEM or DER`;
}

/** The next command to type, where there is one. */
function hint(found: KeyFormat, expected: readonly KeyFormat[]): string {
  if (found === 'openssh-pem')
    return '. RSA and EC keys are converted with: ssh-keygen -p -m PKCS8 -f FILE; ed25519 keys of OpenSSH cannot be';
  if (/^public-(pem|der)$/.test(found) && expected.includes('public-file'))
    return '. It becomes one by: tidegate key import FILE';
  if (/^(public|certificate)/.test(found) && !expected.some((format) => format.startsWith('public')))
    return '. The private half is in another file';
  if (found === 'pkcs12' && expected.length === 1) return '. Write pkcs12:FILE, or type: tidegate key import';
  if (/^(pkcs|sec1|seed)/.test(found) && expected.length === 1) return '. Type: tidegate key import';
  return '';
}
