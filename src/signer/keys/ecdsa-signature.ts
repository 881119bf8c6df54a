/** ECDSA signatures on P-256: tokens give r and s side by side, TUF wants DER. Pure. */
const coordinateLength = 32;
/** The order of the curve's group. */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** @returns undefined for what is no signature: another length, or a number outside 1 to the order less 1 */
export function derOfRawSignature(raw: Uint8Array): Uint8Array | undefined {
  if (raw.length !== 2 * coordinateLength) return undefined;
  const parts = [raw.subarray(0, coordinateLength), raw.subarray(coordinateLength)];
  if (!parts.every(isInRange)) return undefined;
  const body = Buffer.concat(parts.map(integer));
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

function isInRange(bytes: Uint8Array): boolean {
  const number = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  return number > 0n && number < order;
}

/** The shortest form; a zero before a high bit, so that the number is not negative. */
function integer(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0);
  const short = bytes.subarray(start);
  const head = (short[0] ?? 0) >= 0x80 ? [0x02, short.length + 1, 0] : [0x02, short.length];
  return Buffer.concat([Buffer.from(head), short]);
}
