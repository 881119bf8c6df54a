/**
 * What the agent may do and what comes of it. Pure: a situation and an event in, the situation afterwards and facts
 * out; the shell in agent.ts does the writing, in the order that install.ts states. The states and events are those
 * of Bottlerocket's thar-be-updates, with these rules:
 *
 * 1. The state is not kept anywhere: it is read off the boot flags, what the inactive slot says it holds, and the
 *    last check. So a cut between two writes can leave no state that the slots do not bear out.
 * 2. `prepare` is two events: `prepare` clears the slot (and leaves Available, as does a prepare that fails after it),
 *    `prepared` ends it. What is prepared is the release that was chosen, or nothing.
 * 3. Only what the last check still offered is activated: a release that was withdrawn stays in its slot. A check that
 *    finds it gone takes an activation back, as long as it has not booted.
 * 4. A change of slot in either direction is Ready until the reboot; `deactivate` takes it back.
 * 5. A release that the boot loader fell back from, or that was reverted, becomes a fact, so that it is not chosen
 *    again; `settle` finds the former after a boot.
 * 6. What is refused says the state and the event, and changes nothing (code state-not-allowed).
 */
import { TidegateError } from '../errors.ts';
import type { ReleaseId } from '../waves/release.ts';
import {
  type BootFlags,
  cancelRevert,
  cancelUpgrade,
  canStandAlone,
  clearInactive,
  hasFallenBack,
  inactiveFlags,
  isBootable,
  isChangeOrdered,
  isConfirmed,
  markInactiveValid,
  markSuccessful,
  otherSlot,
  revertToInactive,
  upgradeToInactive,
} from './boot-flags.ts';

export const agentStates = ['Idle', 'Available', 'Staged', 'Ready'] as const;
export type AgentState = (typeof agentStates)[number];

/** What a check found: the release to take, if any, and the versions that are open for this host. */
export interface Offer {
  readonly chosen: ReleaseId | undefined;
  readonly open: readonly string[];
}

export interface Situation {
  readonly flags: BootFlags;
  /** What runs. */
  readonly running: ReleaseId;
  /** What the inactive slot holds, complete and verified. */
  readonly held: ReleaseId | undefined;
  /** Of the last check that counts; undefined before it, and after one that failed. */
  readonly offer: Offer | undefined;
}

export type AgentEvent =
  | { readonly type: 'refresh'; readonly offer: Offer | 'failed' }
  | { readonly type: 'prepare' | 'activate' | 'deactivate' | 'revert' | 'confirm' | 'settle' }
  | { readonly type: 'prepared'; readonly release: ReleaseId };

export type EventType = AgentEvent['type'];

export type Fact =
  | { readonly type: 'moved'; readonly from: AgentState; readonly to: AgentState }
  | { readonly type: 'given-up'; readonly release: ReleaseId; readonly reason: 'fell-back' | 'reverted' }
  /** Confirmed, or kept after all: it is given up no more. */
  | { readonly type: 'kept'; readonly release: ReleaseId };

export interface Step {
  readonly situation: Situation;
  readonly state: AgentState;
  readonly facts: readonly Fact[];
}

export function stateOf({ flags, held, offer }: Situation): AgentState {
  if (isChangeOrdered(flags)) return 'Ready';
  if (held !== undefined && isStaged(flags)) return 'Staged';
  return offer?.chosen === undefined ? 'Idle' : 'Available';
}

/** Why an event is refused in a situation; undefined when it is not. */
type Guard = (situation: Situation) => string | undefined;

const allowed: Guard = () => undefined;
const never =
  (reason: string): Guard =>
  () =>
    reason;

const ifChosenAndConfirmed: Guard = ({ flags, offer }) => {
  if (offer?.chosen === undefined) return 'no update is chosen: check first';
  return isConfirmed(flags) ? undefined : 'the running system is not confirmed: confirm or revert it first';
};

const ifOffered: Guard = ({ held, offer }) => {
  if (offer === undefined) return 'no check has succeeded since the start: check first';
  if (held !== undefined && offer.open.includes(held.version)) return undefined;
  return `${held?.version} is not offered any more: prepare what is`;
};

const ifBootable: Guard = ({ flags }) =>
  isBootable(inactiveFlags(flags))
    ? undefined
    : `slot ${otherSlot(flags.active)} holds nothing that could boot`;

const nothingStaged = never('nothing is staged: prepare first');
const nothingOrdered = never('no change of slot is ordered');
const awaitsReboot = never('a change of slot is ordered: reboot, or deactivate first');
const notCleared = never('the slot was not cleared');

const table: Readonly<Record<AgentState, Readonly<Record<EventType, Guard>>>> = {
  Idle: {
    refresh: allowed,
    prepare: ifChosenAndConfirmed,
    prepared: notCleared,
    activate: nothingStaged,
    deactivate: nothingOrdered,
    revert: ifBootable,
    confirm: allowed,
    settle: allowed,
  },
  Available: {
    refresh: allowed,
    prepare: ifChosenAndConfirmed,
    prepared: allowed,
    activate: nothingStaged,
    deactivate: nothingOrdered,
    revert: ifBootable,
    confirm: allowed,
    settle: allowed,
  },
  Staged: {
    refresh: allowed,
    prepare: ifChosenAndConfirmed,
    prepared: notCleared,
    activate: ifOffered,
    deactivate: nothingOrdered,
    revert: never('the other slot holds a staged update, and no system to go back to'),
    confirm: allowed,
    settle: allowed,
  },
  Ready: {
    refresh: allowed,
    prepare: awaitsReboot,
    prepared: notCleared,
    activate: awaitsReboot,
    deactivate: allowed,
    revert: awaitsReboot,
    confirm: allowed,
    settle: allowed,
  },
};

/** Throws state-not-allowed, naming state, event and reason, unless the event is allowed now. */
export function permit(situation: Situation, type: EventType): void {
  const state = stateOf(situation);
  const reason = table[state][type](situation);
  if (reason === undefined) return;
  throw new TidegateError('state-not-allowed', `Cannot ${type} while ${state}: ${reason}.`, {
    state,
    event: type,
    reason,
  });
}

/** One event. Code state-not-allowed. */
export function advance(situation: Situation, event: AgentEvent): Step {
  permit(situation, event.type);
  const from = stateOf(situation);
  const { after, facts } = effect(situation, event);
  const to = stateOf(after);
  const moved: readonly Fact[] = from === to ? [] : [{ type: 'moved', from, to }];
  return { situation: after, state: to, facts: [...facts, ...moved] };
}

interface Effect {
  readonly after: Situation;
  readonly facts: readonly Fact[];
}

function effect(situation: Situation, event: AgentEvent): Effect {
  const { flags, running } = situation;
  switch (event.type) {
    case 'refresh':
      return plain(refreshed(situation, event.offer));
    case 'prepare':
      return plain({ ...situation, flags: clearInactive(flags), held: undefined });
    case 'prepared':
      return plain({ ...situation, flags: markInactiveValid(flags), held: event.release });
    case 'activate':
      return plain({ ...situation, flags: upgradeToInactive(flags) });
    case 'deactivate':
      if (!inactiveFlags(flags).successful) return plain({ ...situation, flags: cancelUpgrade(flags) });
      return {
        after: { ...situation, flags: cancelRevert(flags) },
        facts: [{ type: 'kept', release: running }],
      };
    case 'revert':
      return {
        after: { ...situation, flags: revertToInactive(flags), offer: undefined },
        facts: [{ type: 'given-up', release: running, reason: 'reverted' }],
      };
    case 'confirm':
      return {
        after: { ...situation, flags: markSuccessful(flags) },
        facts: [{ type: 'kept', release: running }],
      };
    case 'settle':
      return settled(situation);
  }
}

function plain(after: Situation): Effect {
  return { after, facts: [] };
}

/** A failed check takes back what was chosen, but not what is staged or activated already. */
function refreshed(situation: Situation, offer: Offer | 'failed'): Situation {
  if (offer !== 'failed') return withoutGone({ ...situation, offer }, offer);
  const state = stateOf(situation);
  return state === 'Staged' || state === 'Ready' ? situation : { ...situation, offer: undefined };
}

/**
 * A revert goes to a system that has worked here, offered or not. And flags that nobody here wrote, by which nothing else
 * could boot, are better followed than lost.
 */
function withoutGone(situation: Situation, { open }: Offer): Situation {
  const { flags, held } = situation;
  const ordered = isChangeOrdered(flags) && !inactiveFlags(flags).successful;
  const gone = held !== undefined && !open.includes(held.version);
  return ordered && gone && canStandAlone(flags) ? { ...situation, flags: cancelUpgrade(flags) } : situation;
}

/** What the last boot left behind. The failed slot is cleared, so that it is found once. */
function settled(situation: Situation): Effect {
  const { flags, held } = situation;
  if (!hasFallenBack(flags) || !isConfirmed(flags)) return plain(situation);
  return {
    after: { ...situation, flags: clearInactive(flags), held: undefined, offer: undefined },
    facts: held === undefined ? [] : [{ type: 'given-up', release: held, reason: 'fell-back' }],
  };
}

function isStaged(flags: BootFlags): boolean {
  const { priority, tries, successful } = inactiveFlags(flags);
  return priority === 0 && tries > 0 && !successful;
}
