import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type BootFlags,
  cancelRevert,
  cancelUpgrade,
  cleared,
  clearInactive,
  factory,
  hasFallenBack,
  isBootable,
  isChangeOrdered,
  isConfirmed,
  markInactiveValid,
  markSuccessful,
  nextSlot,
  revertToInactive,
  type SlotName,
  upgradeToInactive,
} from '../../src/agent/boot-flags.ts';
import { isTidegateError } from '../../src/errors.ts';

/** "1,0,1 / 2,1,0": priority, tries, successful of a and b. */
function flagsOf(text: string, active: SlotName = 'a'): BootFlags {
  const [a = cleared, b = cleared] = text.split(' / ').map((slot) => {
    const [priority = 0, tries = 0, successful = 0] = slot.split(',').map(Number);
    return { priority, tries, successful: successful === 1 };
  });
  return { active, a, b };
}

function textOf({ a, b }: BootFlags): string {
  return [a, b]
    .map(({ priority, tries, successful }) => `${priority},${tries},${successful ? 1 : 0}`)
    .join(' / ');
}

/** GRUB: the slot it picks runs and has one try less. */
function boot(flags: BootFlags): BootFlags | undefined {
  const slot = nextSlot(flags);
  if (slot === undefined) return undefined;
  return { ...flags, active: slot, [slot]: { ...flags[slot], tries: Math.max(0, flags[slot].tries - 1) } };
}

function booted(flags: BootFlags): BootFlags {
  const after = boot(flags);
  assert.ok(after !== undefined, `nothing boots: ${textOf(flags)}`);
  return after;
}

describe('boot flags', () => {
  it('follow the life cycle of an update', () => {
    let flags: BootFlags = { active: 'a', a: factory, b: cleared };
    const expect = (text: string, next: SlotName): void => {
      assert.equal(textOf(flags), text);
      assert.equal(nextSlot(flags), next, text);
    };
    expect('1,0,1 / 0,0,0', 'a');
    flags = clearInactive(flags);
    expect('1,0,1 / 0,0,0', 'a');
    flags = markInactiveValid(flags);
    expect('1,0,1 / 0,1,0', 'a');
    const canceled = cancelUpgrade(upgradeToInactive(flags));
    assert.equal(textOf(canceled), '2,0,1 / 0,1,0');
    assert.equal(nextSlot(canceled), 'a');
    assert.equal(textOf(upgradeToInactive(canceled)), '1,0,1 / 2,1,0');
    flags = upgradeToInactive(flags);
    expect('1,0,1 / 2,1,0', 'b');
    flags = booted(flags);
    assert.equal(flags.active, 'b');
    assert.equal(textOf(flags), '1,0,1 / 2,0,0');
    // Reset before it was marked.
    assert.equal(nextSlot(flags), 'a');
    const fallen = booted(flags);
    assert.deepEqual([fallen.active, textOf(fallen), hasFallenBack(fallen)], ['a', '1,0,1 / 2,0,0', true]);
    flags = markSuccessful(flags);
    expect('1,0,1 / 2,0,1', 'b');
    const reverted = revertToInactive(flags);
    assert.deepEqual([textOf(reverted), nextSlot(reverted)], ['2,0,1 / 1,0,1', 'a']);
    assert.equal(textOf(cancelRevert(reverted)), '1,0,1 / 2,0,1');
    flags = clearInactive(flags);
    expect('0,0,0 / 2,0,1', 'b');
  });

  it('say what can boot: priority, and a try or a success', () => {
    const cases: readonly (readonly [number, number, boolean, boolean])[] = [
      [1, 0, true, true],
      [2, 1, false, true],
      [5, 5, true, true],
      [0, 5, true, false],
      [0, 0, true, false],
      [2, 0, false, false],
      [0, 0, false, false],
      [15, 15, false, true],
    ];
    for (const [priority, tries, successful, bootable] of cases)
      assert.equal(
        isBootable({ priority, tries, successful }),
        bootable,
        `${priority},${tries},${successful}`,
      );
  });

  it('choose the slot of higher priority, a when equal, none when none can boot', () => {
    assert.equal(nextSlot(flagsOf('1,0,1 / 1,0,1')), 'a');
    assert.equal(nextSlot(flagsOf('1,0,1 / 2,0,1')), 'b');
    assert.equal(nextSlot(flagsOf('0,0,1 / 1,1,0')), 'b');
    assert.equal(nextSlot(flagsOf('1,0,1 / 15,0,0')), 'a');
    assert.equal(nextSlot(flagsOf('0,1,1 / 3,0,0')), undefined);
  });

  it('know an ordered change from a first boot', () => {
    assert.equal(isChangeOrdered(flagsOf('1,0,1 / 2,1,0', 'a')), true);
    assert.equal(isChangeOrdered(flagsOf('1,0,1 / 2,0,0', 'b')), false);
    assert.equal(isChangeOrdered(flagsOf('1,0,1 / 1,0,1', 'b')), true);
    assert.equal(isChangeOrdered(flagsOf('1,0,1 / 1,0,1', 'a')), false);
  });

  const refused: readonly (readonly [string, SlotName, (flags: BootFlags) => BootFlags])[] = [
    ['1,0,1 / 2,0,0', 'b', clearInactive],
    ['1,0,1 / 0,0,1', 'b', clearInactive],
    ['1,0,1 / 2,1,0', 'a', markInactiveValid],
    ['1,0,1 / 0,0,1', 'a', markInactiveValid],
    ['1,0,1 / 2,1,0', 'a', upgradeToInactive],
    ['1,0,1 / 0,1,1', 'a', upgradeToInactive],
    ['1,0,1 / 0,0,0', 'a', upgradeToInactive],
    ['1,0,1 / 2,0,0', 'a', revertToInactive],
    ['1,0,1 / 0,1,0', 'a', revertToInactive],
  ];
  for (const [text, active, change] of refused) {
    it(`SLT-13: ${change.name} is refused at ${text}, running ${active}`, () => {
      const flags = flagsOf(text, active);
      assert.throws(() => change(flags), { code: 'state-not-allowed', message: /stay as they are/ });
    });
  }

  it('SLT-07: whatever is asked in whatever order, with boots between, something whole boots', () => {
    const changes = [
      ...[clearInactive, markInactiveValid, upgradeToInactive, cancelUpgrade, cancelRevert],
      ...[markSuccessful, revertToInactive, boot],
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...changes), { maxLength: 40 }), (sequence) => {
        let flags: BootFlags = { active: 'a', a: factory, b: cleared };
        for (const change of sequence) {
          // The agent takes back only what was ordered; the order of these two is not this property's matter.
          if ((change === cancelUpgrade || change === cancelRevert) && !isChangeOrdered(flags)) continue;
          if (change === cancelUpgrade && flags[flags.active === 'a' ? 'b' : 'a'].successful) continue;
          try {
            flags = change(flags) ?? flags;
          } catch (error) {
            if (!isTidegateError(error, 'state-not-allowed')) throw error;
          }
          assert.notEqual(nextSlot(flags), undefined, textOf(flags));
          assert.ok(isConfirmed(flags) || flags.a.successful || flags.b.successful, textOf(flags));
        }
      }),
      { numRuns: 500 },
    );
  });
});
