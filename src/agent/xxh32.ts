/** XXH32 with seed 0, the checksum inside LZ4 frames. It finds damage and proves nothing. */

const PRIME1 = 0x9e3779b1;
const PRIME2 = 0x85ebca77;
const PRIME3 = 0xc2b2ae3d;
const PRIME4 = 0x27d4eb2f;
const PRIME5 = 0x165667b1;
const STRIPE = 16;

export class XxHash32 {
  #lane1 = (PRIME1 + PRIME2) | 0;
  #lane2 = PRIME2 | 0;
  #lane3 = 0;
  #lane4 = -PRIME1 | 0;
  #total = 0;
  readonly #pending = new Uint8Array(STRIPE);
  #pendingLength = 0;

  update(bytes: Uint8Array): this {
    this.#total += bytes.byteLength;
    let start = 0;
    if (this.#pendingLength > 0) {
      start = Math.min(STRIPE - this.#pendingLength, bytes.byteLength);
      this.#pending.set(bytes.subarray(0, start), this.#pendingLength);
      this.#pendingLength += start;
      if (this.#pendingLength < STRIPE) return this;
      this.#stripes(this.#pending, 0, STRIPE);
    }
    const end = start + Math.floor((bytes.byteLength - start) / STRIPE) * STRIPE;
    this.#stripes(bytes, start, end);
    this.#pending.set(bytes.subarray(end));
    this.#pendingLength = bytes.byteLength - end;
    return this;
  }

  /** The checksum of what came so far, unsigned. */
  digest(): number {
    let hash =
      this.#total >= STRIPE
        ? rotate(this.#lane1, 1) + rotate(this.#lane2, 7) + rotate(this.#lane3, 12) + rotate(this.#lane4, 18)
        : PRIME5;
    hash = (hash + this.#total) | 0;
    const rest = this.#pending.subarray(0, this.#pendingLength);
    const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
    let at = 0;
    for (; at + 4 <= rest.byteLength; at += 4) {
      hash = Math.imul(rotate((hash + Math.imul(view.getUint32(at, true), PRIME3)) | 0, 17), PRIME4);
    }
    for (; at < rest.byteLength; at += 1) {
      hash = Math.imul(rotate((hash + Math.imul(view.getUint8(at), PRIME5)) | 0, 11), PRIME1);
    }
    hash = Math.imul(hash ^ (hash >>> 15), PRIME2);
    hash = Math.imul(hash ^ (hash >>> 13), PRIME3);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  #stripes(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let lane1 = this.#lane1;
    let lane2 = this.#lane2;
    let lane3 = this.#lane3;
    let lane4 = this.#lane4;
    for (let at = start; at < end; at += STRIPE) {
      lane1 = round(lane1, view.getUint32(at, true));
      lane2 = round(lane2, view.getUint32(at + 4, true));
      lane3 = round(lane3, view.getUint32(at + 8, true));
      lane4 = round(lane4, view.getUint32(at + 12, true));
    }
    this.#lane1 = lane1;
    this.#lane2 = lane2;
    this.#lane3 = lane3;
    this.#lane4 = lane4;
  }
}

export function xxh32(bytes: Uint8Array): number {
  return new XxHash32().update(bytes).digest();
}

function round(lane: number, input: number): number {
  return Math.imul(rotate((lane + Math.imul(input, PRIME2)) | 0, 13), PRIME1);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
