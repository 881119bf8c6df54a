/** Who is in the fleet: seeds spread evenly over 0 … 2047, and three hosts with a part of their own. Pure. */
import { MAX_SEED } from '../../src/waves/seed.ts';

/** What befalls a host beside updating. */
export type Part = 'plain' | 'locked' | 'attacked' | 'failing';

export interface PlannedHost {
  /** "host-07" */
  readonly name: string;
  readonly seed: number;
  readonly part: Part;
}

/** In the order of their seeds. @param count at least 5 */
export function planFleet(count: number): readonly PlannedHost[] {
  const width = Math.max(2, String(count).length);
  const parts = partsOf(count);
  return Array.from({ length: count }, (_, index) => ({
    name: `host-${String(index + 1).padStart(width, '0')}`,
    seed: Math.round((index * (MAX_SEED - 1)) / (count - 1)),
    part: parts.get(index) ?? 'plain',
  }));
}

/** The failing host is an early one: that is whom waves are for. The first and the last host just update. */
function partsOf(count: number): ReadonlyMap<number, Part> {
  const failing = Math.max(1, Math.floor(count / 10));
  const attacked = Math.max(failing + 1, Math.floor(count / 4));
  const locked = Math.max(attacked + 1, Math.floor(count / 2));
  return new Map<number, Part>([
    [failing, 'failing'],
    [attacked, 'attacked'],
    [locked, 'locked'],
  ]);
}
