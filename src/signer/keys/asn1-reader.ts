/** Typed reading of ASN.1 that a parser has split into nodes already: what is not as expected throws `Asn1Error`. */

/** As node-forge gives it; text holds bytes, one for each character. */
export interface Asn1Node {
  readonly tagClass: number;
  readonly type: number;
  readonly value: string | readonly Asn1Node[];
}

/** Never leaves the reader of a format, which says in its own words what is damaged. */
export class Asn1Error extends Error {}

const universal = 0;
const contextSpecific = 0x80;
const tags = { integer: 2, octets: 4, oid: 6, sequence: 16 } as const;
/** Bytes of an integer that a number holds exactly. */
const maxIntegerLength = 6;

/** The members of a SEQUENCE, at least as many as stated. */
export function sequenceOf(node: Asn1Node | undefined, least = 0): readonly Asn1Node[] {
  const { value } = universalOf(node, tags.sequence);
  if (typeof value !== 'string' && value.length >= least) return value;
  throw new Asn1Error('a sequence is too short');
}

/** OCTET STRING; in BER it may come in pieces. */
export function octetsOf(node: Asn1Node | undefined): Buffer {
  return joined(universalOf(node, tags.octets));
}

/** `[number] IMPLICIT OCTET STRING` */
export function implicitOctetsOf(node: Asn1Node | undefined, number: number): Buffer {
  return joined(contextOf(node, number));
}

/** `[number] EXPLICIT` */
export function explicitOf(node: Asn1Node | undefined, number: number): Asn1Node {
  const { value } = contextOf(node, number);
  const [inner] = typeof value === 'string' ? [] : value;
  if (inner !== undefined) return inner;
  throw new Asn1Error('an explicit member is empty');
}

/** A whole number from 0 on. */
export function integerOf(node: Asn1Node | undefined): number {
  const { value } = universalOf(node, tags.integer);
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : Buffer.alloc(0);
  const first = bytes[0] ?? 0x80;
  if (first < 0x80 && bytes.length <= maxIntegerLength) return Number.parseInt(bytes.toString('hex'), 16);
  throw new Asn1Error('an integer is negative or too large');
}

/** In dotted form. */
export function oidOf(node: Asn1Node | undefined): string {
  const { value } = universalOf(node, tags.oid);
  const numbers: number[] = [];
  let number = 0;
  for (const byte of typeof value === 'string' ? Buffer.from(value, 'latin1') : []) {
    number = number * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0;
  }
  const [first = 0, ...rest] = numbers;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - 40 * root, ...rest].join('.');
}

export function isInteger(node: Asn1Node | undefined): boolean {
  return node?.tagClass === universal && node.type === tags.integer;
}

function universalOf(node: Asn1Node | undefined, type: number): Asn1Node {
  if (node?.tagClass === universal && node.type === type) return node;
  throw new Asn1Error(`expected type ${type}`);
}

function contextOf(node: Asn1Node | undefined, number: number): Asn1Node {
  if (node?.tagClass === contextSpecific && node.type === number) return node;
  throw new Asn1Error(`expected member [${number}]`);
}

function joined({ value }: Asn1Node): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  return Buffer.concat(value.map(octetsOf));
}
