/** What a fleet asks in a month: of whoever answers the hosts, and of the origin behind caches. */
import { meanPolls, originRates } from './closed-form.ts';
import { month } from './cost.ts';
import { type FleetModel, refreshOf, type Transfer } from './fleet-model.ts';
import { second } from './tally.ts';

/**
 * A month with this run in it: polls go on before and after it as always. Of a run that is longer, its share.
 *
 * @param run requests and bytes of the run @param quiet of one millisecond without it
 */
export function monthWith(run: Transfer, quiet: Transfer, duration: number): Transfer {
  if (duration > month) return scaled(run, month / duration);
  return plus(run, scaled(quiet, month - duration));
}

/** A month by formula, with so many updates of every host. */
export function expectedMonth(
  model: FleetModel,
  updates: number,
): { readonly hosts: Transfer; readonly origin: Transfer } {
  const { hosts, change, download } = model;
  // Before it downloads a host refreshes once more.
  const update = plus(plus(refreshOf(model), change), download);
  return {
    hosts: plus(scaled(quietLoad(model), month), scaled(update, hosts * updates)),
    origin: plus(
      scaled(refreshesAtOrigin(model, meanPolls(model) + (hosts * updates * second) / month), month),
      scaled(copiedOnce(model), updates),
    ),
  };
}

/** What caches fetch of one release. */
export function copiedOnce({ hosts, caches, change, download }: FleetModel): Transfer {
  return scaled(plus(change, download), Math.min(hosts, caches.count));
}

/** What the polls of hosts ask in one millisecond. */
export function quietLoad(model: FleetModel): Transfer {
  return scaled(refreshOf(model), model.hosts / model.polling.interval);
}

/** What so many refreshes per second ask of the origin behind caches, in one millisecond. */
export function refreshesAtOrigin(model: FleetModel, refreshes: number): Transfer {
  const { timestamps, absences } = originRates(model, refreshes);
  const { refresh } = model;
  const bytes = timestamps * refresh.timestamp + absences * refresh.absent;
  return scaled({ requests: timestamps + absences, bytes }, 1 / second);
}

export function scaled({ requests, bytes }: Transfer, factor: number): Transfer {
  return { requests: requests * factor, bytes: bytes * factor };
}

export function plus(one: Transfer, other: Transfer): Transfer {
  return { requests: one.requests + other.requests, bytes: one.bytes + other.bytes };
}
