/**
 * A host's fixed place in the fleet: 0 … 2047, drawn once. Hosts with low seeds get a release first.
 *
 * Bottlerocket draws seeds at random and documents 0 … 2048; a hand-set 2048 is one past the last place
 * and goes with the last wave. Beyond that updog crashes; here it is refused.
 */
import { TidegateError } from '../errors.ts';
import { digestOf } from '../metadata/crypto.ts';

/** Places in the fleet, and the key that stands for the end of the fleet in a wave map. */
export const MAX_SEED = 2048;

/** An integer 0 … 2047; 2048 is tolerated on hosts configured by hand. */
export type Seed = number;

/**
 * The seed of a host that has no drawn one: the same for the same id, uniform over 0 … 2047, and not to be
 * foreseen from the order of ids. 2048 divides 2^32, so taking the remainder favours no seed.
 *
 * @param hostId anything that is unique and stays, such as a machine id
 * @throws config-invalid when it is empty, because then the whole fleet would share one seed
 */
export function seedOf(hostId: string): Seed {
  if (hostId === '')
    throw new TidegateError('config-invalid', 'host id: found nothing, expected a unique text');
  const digest = digestOf('sha256', `tidegate seed\0${hostId}`);
  return Number.parseInt(digest.slice(0, 8), 16) % MAX_SEED;
}

/**
 * A seed as configuration holds it: decimal digits only.
 *
 * @throws config-invalid when it is not 0 … 2048
 */
export function parseSeed(text: string, where = 'seed'): Seed {
  return checkSeed(/^\d{1,10}$/.test(text) ? Number(text) : text, where);
}

/** @throws config-invalid unless the value is an integer 0 … 2048 */
export function checkSeed(value: number | string, where = 'seed'): Seed {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_SEED) return value;
  throw new TidegateError(
    'config-invalid',
    `${where}: found ${value}, expected an integer 0 … ${MAX_SEED - 1}`,
    {
      where,
      found: value,
      expected: `0 … ${MAX_SEED - 1}`,
    },
  );
}
