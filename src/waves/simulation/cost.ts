/**
 * What a content delivery network asks for a month, by a public price list for North America and Europe (November 2026,
 * US dollars). An estimate to compare plans with, no quotation.
 */

/** Dollars per GiB up to so many TiB a month. */
const tiers: readonly (readonly [upTo: number, price: number])[] = [
  [10, 0.085],
  [50, 0.08],
  [150, 0.06],
  [500, 0.04],
  [1024, 0.03],
  [5120, 0.025],
  [Number.POSITIVE_INFINITY, 0.02],
];

const pricePerRequest = 0.01 / 10_000;
const gibibyte = 1024 ** 3;

/** Days of a month, in the mean. */
export const daysOfMonth = 30.4;

/** @param requests and bytes of one month */
export function monthlyCost(requests: number, bytes: number): number {
  return requests * pricePerRequest + transferCost(bytes / gibibyte);
}

function transferCost(gibibytes: number): number {
  let cost = 0;
  let below = 0;
  for (const [upTo, price] of tiers) {
    const top = upTo * 1024;
    cost += Math.max(0, Math.min(gibibytes, top) - below) * price;
    below = top;
  }
  return cost;
}
