/**
 * Numbers that look random and are computed: the same model gives the same run, whatever part of the fleet is
 * simulated first. Each is the hash of (seed, host, number of the draw), with the finalizer of MurmurHash3, which
 * lets every bit of the input change every bit of the output.
 */

const golden = 0x9e3779b9;

/** A stream of draws for one host. @param seed of the run, any integer @param host 0 … 2^32 - 1 */
export function streamOf(seed: number, host: number): number {
  return mixed(Math.imul(host, golden) ^ mixed(seed));
}

/** 0 ≤ x < 1. @param stream of `streamOf` @param draw 0 … 2^32 - 1 */
export function uniform(stream: number, draw: number): number {
  return (mixed(stream ^ Math.imul(draw + 1, golden)) >>> 0) / 4_294_967_296;
}

/** A draw of the normal distribution with mean 0 and deviation 1 (Box and Muller); uses two draws. */
export function normal(stream: number, draw: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(stream, draw)));
  return radius * Math.cos(2 * Math.PI * uniform(stream, draw + 1));
}

function mixed(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
