/**
 * The boot flags of two slots, and every change that may be made to them. Pure. The model is that of Bottlerocket's
 * signpost and GRUB patch (priority, tries left, successful), with these rules:
 *
 * 1. A slot can boot when its priority is above 0 and it has tries left or has been successful. (signpost would
 *    also call a successful slot of priority 0 bootable; its boot loader would not.)
 * 2. The boot loader takes the slot of higher priority, slot a when they are equal, and uses up one try.
 * 3. The inactive slot is cleared only while the active one is confirmed, and an upgrade to it is taken back only while the
 *    active one can boot, so that something always can.
 * 4. Only a cleared slot becomes valid, only a valid one is upgraded to, only one that can boot is reverted to.
 */
import { TidegateError } from '../errors.ts';

const slotNames = ['a', 'b'] as const;
export type SlotName = (typeof slotNames)[number];

/** Priority and tries are 0 … 15, as in the attributes of a GPT partition. */
export interface SlotFlags {
  readonly priority: number;
  readonly tries: number;
  readonly successful: boolean;
}

export interface BootFlags {
  /** The slot that runs; the boot loader writes it with the try that it uses up. */
  readonly active: SlotName;
  readonly a: SlotFlags;
  readonly b: SlotFlags;
}

export const MAX_FLAG = 15;
export const cleared: SlotFlags = { priority: 0, tries: 0, successful: false };
/** The flags of a system that was installed, not updated to. */
export const factory: SlotFlags = { priority: 1, tries: 0, successful: true };

export function otherSlot(slot: SlotName): SlotName {
  return slot === 'a' ? 'b' : 'a';
}

function activeFlags(flags: BootFlags): SlotFlags {
  return flags[flags.active];
}

export function inactiveFlags(flags: BootFlags): SlotFlags {
  return flags[otherSlot(flags.active)];
}

export function isBootable({ priority, tries, successful }: SlotFlags): boolean {
  return priority > 0 && (tries > 0 || successful);
}

/** The slot that boots next; undefined when none can. */
export function nextSlot({ a, b }: BootFlags): SlotName | undefined {
  if (!isBootable(a)) return isBootable(b) ? 'b' : undefined;
  return isBootable(b) && b.priority > a.priority ? 'b' : 'a';
}

/** What a boot loader does at each start: the next slot runs, and one of its tries is used up. undefined: none can. */
export function startNext(flags: BootFlags): BootFlags | undefined {
  const active = nextSlot(flags);
  if (active === undefined) return undefined;
  const { tries } = flags[active];
  return { ...flags, active, [active]: { ...flags[active], tries: Math.max(0, tries - 1) } };
}

/** The active slot will be booted again, whatever happens to the other one. */
export function isConfirmed(flags: BootFlags): boolean {
  const { priority, successful } = activeFlags(flags);
  return priority > 0 && successful;
}

/** A change of slot has been ordered and awaits the next boot. On a first boot this is false: that slot still leads. */
export function isChangeOrdered(flags: BootFlags): boolean {
  const order = inactiveFlags(flags).priority - activeFlags(flags).priority;
  return isBootable(inactiveFlags(flags)) && (order > 0 || (order === 0 && flags.active === 'b'));
}

/** The boot loader has used up all tries of the other slot, and nobody confirmed it. */
export function hasFallenBack(flags: BootFlags): boolean {
  const { priority, tries, successful } = inactiveFlags(flags);
  return priority > 0 && tries === 0 && !successful;
}

/** signpost clear-inactive, under rule 3. */
export function clearInactive(flags: BootFlags): BootFlags {
  if (!isConfirmed(flags)) {
    const other = otherSlot(flags.active);
    refuse(
      flags,
      `slot ${flags.active}, which runs, is not confirmed; without slot ${other} nothing might boot`,
    );
  }
  return withInactive(flags, cleared);
}

/** signpost mark-inactive-valid: one try, not before it is activated. */
export function markInactiveValid(flags: BootFlags): BootFlags {
  const { priority, successful } = inactiveFlags(flags);
  if (priority !== 0 || successful) refuse(flags, `slot ${otherSlot(flags.active)} has not been cleared`);
  return withInactive(flags, { ...cleared, tries: 1 });
}

/** signpost upgrade-to-inactive. */
export function upgradeToInactive(flags: BootFlags): BootFlags {
  const { priority, tries, successful } = inactiveFlags(flags);
  const other = otherSlot(flags.active);
  if (priority !== 0 || successful) refuse(flags, `slot ${other} is marked already`);
  if (tries === 0) refuse(flags, `slot ${other} is not valid`);
  return withPriorities(flags, 1, 2);
}

/** signpost cancel-upgrade, under rule 3: the tries stay, so that the slot can be activated again. */
export function cancelUpgrade(flags: BootFlags): BootFlags {
  if (!canStandAlone(flags)) {
    refuse(flags, `slot ${flags.active}, which runs, could not boot again: nothing would`);
  }
  return withPriorities(flags, 2, 0);
}

/** The slot that runs boots again where nothing else could. */
export function canStandAlone(flags: BootFlags): boolean {
  return isBootable({ ...activeFlags(flags), priority: 1 });
}

/** signpost mark-successful-boot. */
export function markSuccessful(flags: BootFlags): BootFlags {
  return { ...flags, [flags.active]: { ...activeFlags(flags), successful: true } };
}

/** signpost rollback-to-inactive. */
export function revertToInactive(flags: BootFlags): BootFlags {
  if (!isBootable(inactiveFlags(flags))) refuse(flags, `slot ${otherSlot(flags.active)} cannot boot`);
  return withPriorities(flags, 1, 2);
}

/** Takes an ordered revert back; the other slot stays the one to fall back to. */
export function cancelRevert(flags: BootFlags): BootFlags {
  return withPriorities(flags, 2, 1);
}

function withInactive(flags: BootFlags, inactive: SlotFlags): BootFlags {
  return { ...flags, [otherSlot(flags.active)]: inactive };
}

function withPriorities(flags: BootFlags, active: number, inactive: number): BootFlags {
  return {
    ...withInactive(flags, { ...inactiveFlags(flags), priority: inactive }),
    [flags.active]: { ...activeFlags(flags), priority: active },
  };
}

function refuse({ active, a, b }: BootFlags, reason: string): never {
  const shown = [a, b].map(({ priority, tries, successful }) => `${priority},${tries},${successful ? 1 : 0}`);
  const text = `Boot flags stay as they are: ${reason} (a=${shown[0]} b=${shown[1]}, slot ${active} runs).`;
  throw new TidegateError('state-not-allowed', text, { active, a: shown[0] ?? '', b: shown[1] ?? '' });
}
