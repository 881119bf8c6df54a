import assert from 'node:assert/strict';
import { type BootFlags, nextSlot } from '../../src/agent/boot-flags.ts';
import {
  type AgentEvent,
  type AgentState,
  advance,
  agentStates,
  type EventType,
  permit,
  type Situation,
  stateOf,
} from '../../src/agent/machine.ts';
import type { TidegateError } from '../../src/errors.ts';

const confirmed = { priority: 1, tries: 0, successful: true };
const empty = { priority: 0, tries: 0, successful: false };
const valid = { priority: 0, tries: 1, successful: false };
const next = { priority: 2, tries: 1, successful: false };
const used = { priority: 2, tries: 0, successful: false };

function release(version: string): { variant: string; arch: string; version: string } {
  return { variant: 'demo', arch: 'x86_64', version };
}

function flags(a: BootFlags['a'], b: BootFlags['b'], active: 'a' | 'b' = 'a'): BootFlags {
  return { active, a, b };
}

const offer = { chosen: release('1.1.0'), open: ['1.1.0', '1.0.0'] };
const idle: Situation = {
  flags: flags(confirmed, empty),
  running: release('1.0.0'),
  held: undefined,
  offer: undefined,
};
const available: Situation = { ...idle, offer };
const staged: Situation = { ...available, flags: flags(confirmed, valid), held: release('1.1.0') };
const ready: Situation = { ...staged, flags: flags(confirmed, next) };
const situations: Readonly<Record<AgentState, Situation>> = {
  Idle: idle,
  Available: available,
  Staged: staged,
  Ready: ready,
};

describe('agent machine', () => {
  it('reads the state off the slots and the last check', () => {
    for (const state of agentStates) assert.equal(stateOf(situations[state]), state);
    // Valid flags without a complete record are no staged system.
    assert.equal(stateOf({ ...staged, held: undefined }), 'Available');
    // A first boot is no ordered change.
    assert.equal(stateOf({ ...idle, flags: flags(confirmed, used, 'b') }), 'Idle');
  });

  /** Rows of thar-be-updates, and ours for revert and confirm: the state afterwards, or - for refused. */
  const rows: readonly (readonly [AgentState, AgentEvent, AgentState | '-'])[] = [
    ['Idle', { type: 'refresh', offer }, 'Available'],
    ['Idle', { type: 'refresh', offer: { chosen: undefined, open: [] } }, 'Idle'],
    ['Idle', { type: 'refresh', offer: 'failed' }, 'Idle'],
    ['Idle', { type: 'prepare' }, '-'],
    ['Idle', { type: 'activate' }, '-'],
    ['Idle', { type: 'deactivate' }, '-'],
    ['Idle', { type: 'revert' }, '-'],
    ['Idle', { type: 'confirm' }, 'Idle'],
    ['Idle', { type: 'prepared', release: release('1.1.0') }, '-'],
    ['Available', { type: 'refresh', offer }, 'Available'],
    ['Available', { type: 'refresh', offer: { chosen: undefined, open: [] } }, 'Idle'],
    ['Available', { type: 'refresh', offer: 'failed' }, 'Idle'],
    ['Available', { type: 'prepare' }, 'Available'],
    ['Available', { type: 'prepared', release: release('1.1.0') }, 'Staged'],
    ['Available', { type: 'activate' }, '-'],
    ['Available', { type: 'deactivate' }, '-'],
    ['Available', { type: 'revert' }, '-'],
    ['Staged', { type: 'refresh', offer: { chosen: undefined, open: [] } }, 'Staged'],
    ['Staged', { type: 'refresh', offer: 'failed' }, 'Staged'],
    ['Staged', { type: 'prepare' }, 'Available'],
    ['Staged', { type: 'prepared', release: release('1.1.0') }, '-'],
    ['Staged', { type: 'activate' }, 'Ready'],
    ['Staged', { type: 'deactivate' }, '-'],
    ['Staged', { type: 'revert' }, '-'],
    ['Ready', { type: 'refresh', offer }, 'Ready'],
    ['Ready', { type: 'refresh', offer: 'failed' }, 'Ready'],
    ['Ready', { type: 'prepare' }, '-'],
    ['Ready', { type: 'prepared', release: release('1.1.0') }, '-'],
    ['Ready', { type: 'activate' }, '-'],
    ['Ready', { type: 'deactivate' }, 'Staged'],
    ['Ready', { type: 'revert' }, '-'],
  ];
  for (const [state, event, expected] of rows) {
    const what = event.type === 'refresh' && event.offer === 'failed' ? 'a failed refresh' : event.type;
    it(`SLT-13: ${state}: ${what} ${expected === '-' ? 'is refused' : `leads to ${expected}`}`, () => {
      const situation = situations[state];
      if (expected !== '-') {
        const step = advance(situation, event);
        assert.equal(step.state, expected);
        const moved = step.facts.filter(({ type }) => type === 'moved');
        const wanted = state === expected ? [] : [{ type: 'moved', from: state, to: expected }];
        assert.deepEqual(moved, wanted);
        return;
      }
      assert.throws(
        () => advance(situation, event),
        (error: TidegateError) =>
          error.code === 'state-not-allowed' &&
          error.message.startsWith(`Cannot ${event.type} while ${state}: `) &&
          error.details.event === event.type,
      );
    });
  }

  it('confirm and settle are allowed in every state', () => {
    for (const state of agentStates) {
      for (const type of ['confirm', 'settle', 'refresh'] satisfies EventType[])
        permit(situations[state], type);
    }
  });

  it('refuses to prepare beside a system that is not confirmed', () => {
    const trial = { ...available, flags: flags(confirmed, used, 'b'), running: release('1.1.0') };
    assert.throws(() => advance(trial, { type: 'prepare' }), /not confirmed/);
  });

  it('SLT-16: refuses to activate what the last check did not offer, or without one', () => {
    const withdrawn = { ...staged, offer: { chosen: undefined, open: ['1.0.0'] } };
    assert.throws(() => advance(withdrawn, { type: 'activate' }), /1\.1\.0 is not offered any more/);
    assert.throws(() => advance({ ...staged, offer: undefined }, { type: 'activate' }), /check first/);
    const newer = { ...staged, offer: { chosen: release('1.2.0'), open: ['1.2.0', '1.1.0'] } };
    assert.equal(advance(newer, { type: 'activate' }).state, 'Ready');
  });

  it('SLT-16: a check that does not offer it takes an activation back, but never a revert', () => {
    const gone = { chosen: release('1.0.5'), open: ['1.0.5', '1.0.0'] };
    const step = advance(ready, { type: 'refresh', offer: gone });
    assert.equal(step.state, 'Staged');
    assert.deepEqual(step.situation.flags, advance(ready, { type: 'deactivate' }).situation.flags);
    assert.deepEqual(step.facts, [{ type: 'moved', from: 'Ready', to: 'Staged' }]);
    // What the slot holds cannot be told: whoever ordered it knew.
    assert.equal(advance({ ...ready, held: undefined }, { type: 'refresh', offer: gone }).state, 'Ready');
    const back = flags({ ...confirmed, priority: 2 }, confirmed, 'b');
    const reverting = { ...ready, flags: back, running: release('1.1.0'), held: release('0.9.0') };
    assert.equal(stateOf(reverting), 'Ready');
    assert.equal(advance(reverting, { type: 'refresh', offer: gone }).state, 'Ready');
  });

  it('SLT-16: takes no activation back where nothing else could boot', () => {
    const gone = { chosen: undefined, open: ['1.0.0'] };
    const spent = { priority: 1, tries: 0, successful: false };
    const only = { ...ready, flags: flags(spent, next) };
    assert.equal(stateOf(only), 'Ready');
    assert.equal(nextSlot(advance(only, { type: 'refresh', offer: gone }).situation.flags), 'b');
    assert.throws(() => advance(only, { type: 'deactivate' }), { code: 'state-not-allowed' });
    const trying = { ...ready, flags: flags({ ...spent, tries: 1 }, next) };
    assert.equal(nextSlot(advance(trying, { type: 'refresh', offer: gone }).situation.flags), 'a');
  });

  it('prepares what is chosen, over what is staged, and refuses when nothing is', () => {
    const nothing = { ...staged, offer: { chosen: undefined, open: ['1.1.0'] } };
    assert.throws(() => advance(nothing, { type: 'prepare' }), /no update is chosen/);
  });

  it('takes an ordered revert back without losing the slot to fall back to', () => {
    const after = flags(confirmed, { ...confirmed, priority: 2 }, 'b');
    const running = { ...idle, flags: after, running: release('1.1.0'), held: release('1.0.0') };
    const ordered = advance(running, { type: 'revert' });
    assert.deepEqual(ordered.facts[0], {
      type: 'given-up',
      release: release('1.1.0'),
      reason: 'reverted',
    });
    assert.equal(ordered.state, 'Ready');
    const back = advance(ordered.situation, { type: 'deactivate' });
    assert.deepEqual(back.situation.flags, after);
    assert.deepEqual(back.facts[0], { type: 'kept', release: release('1.1.0') });
  });

  it('settles a fallback once: the release is given up and its slot cleared', () => {
    const fallen = { ...ready, flags: flags(confirmed, used) };
    const { situation, state, facts } = advance(fallen, { type: 'settle' });
    assert.equal(state, 'Idle');
    assert.deepEqual(facts[0], { type: 'given-up', release: release('1.1.0'), reason: 'fell-back' });
    assert.deepEqual(situation.flags.b, empty);
    assert.deepEqual(advance(situation, { type: 'settle' }).facts, []);
    // Without a record nobody knows which release it was.
    assert.deepEqual(advance({ ...fallen, held: undefined }, { type: 'settle' }).situation.flags.b, empty);
    // Where the running system is not confirmed either, nothing is cleared.
    const doubtful = { ...ready, flags: flags({ ...next, tries: 0 }, used) };
    assert.deepEqual(advance(doubtful, { type: 'settle' }).situation, doubtful);
  });
});
