/**
 * What a month costs, by public price lists for North America and Europe (November 2026, US dollars). An estimate to
 * compare plans with, no quotation.
 */
import type { Transfer } from './fleet-model.ts';

export interface PriceList {
  /** Dollars for 10,000 requests. */
  readonly requests: number;
  /** Dollars per GiB, up to so many TiB a month; the last step has no end. */
  readonly transfer: readonly (readonly [upTo: number, price: number])[];
}

export interface Prices {
  /** Of the caches: a content delivery network. */
  readonly edge: PriceList;
  /** Of the origin: a bucket that hosts, or caches, read from directly. */
  readonly origin: PriceList;
}

/** When the list prices were looked up. */
export const priceDate = 'November 2026';

const allOf = Number.POSITIVE_INFINITY;

export const listPrices: Prices = {
  edge: {
    requests: 0.01,
    transfer: [
      [10, 0.085],
      [50, 0.08],
      [150, 0.06],
      [500, 0.04],
      [1024, 0.03],
      [5120, 0.025],
      [allOf, 0.02],
    ],
  },
  origin: { requests: 0.004, transfer: [[allOf, 0.09]] },
};

const gibibyte = 1024 ** 3;

/** Days of a month, in the mean. */
export const daysOfMonth = 30.4;
/** Milliseconds. */
export const month = daysOfMonth * 24 * 3_600_000;

export interface MonthlyCost {
  /** Dollars, where hosts read from the origin itself. */
  readonly bare: number;
  /** Dollars for the caches and for the origin behind them. */
  readonly cached: number;
  /** Of `cached`, the part of the origin. */
  readonly origin: number;
}

/** Dollars. @param load requests and bytes of one month */
export function costOf({ requests, bytes }: Transfer, prices: PriceList): number {
  return (requests / 10_000) * prices.requests + transferCost(bytes / gibibyte, prices.transfer);
}

function transferCost(gibibytes: number, steps: PriceList['transfer']): number {
  let cost = 0;
  let below = 0;
  for (const [upTo, price] of steps) {
    const top = upTo * 1024;
    cost += Math.max(0, Math.min(gibibytes, top) - below) * price;
    below = top;
  }
  return cost;
}

/** @param hosts what hosts ask in a month @param origin what reaches the origin behind caches in a month */
export function monthlyCost(hosts: Transfer, origin: Transfer, prices: Prices): MonthlyCost {
  const behind = costOf(origin, prices.origin);
  return { bare: costOf(hosts, prices.origin), cached: costOf(hosts, prices.edge) + behind, origin: behind };
}
