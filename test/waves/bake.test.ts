import assert from 'node:assert/strict';
import { type BakeQuestion, earlyWave } from '../../src/waves/bake.ts';
import type { Release } from '../../src/waves/release.ts';
import { emptyManifest } from '../../src/waves/releases.ts';
import { accelerateRelease, pauseRelease } from '../../src/waves/steering.ts';
import type { WavePolicy } from '../../src/waves/wave-policy.ts';

const hour = 3_600_000;
const start = Date.UTC(2030, 0, 1);
const id = { variant: 'demo', arch: 'x86_64', version: '1.2.0' };

/** Waves by hours from the start, as of a release. */
function waves(table: Readonly<Record<number, number>>): ReadonlyMap<number, number> {
  return new Map(Object.entries(table).map(([seed, hours]) => [Number(seed), start + hours * hour]));
}

function release(table: Readonly<Record<number, number>>, more: Partial<Release> = {}): Release {
  const images = { image: 'disk.img' };
  return { ...id, maxVersion: '1.2.0', images, spread: 'linear', waves: waves(table), ...more };
}

function early(question: Partial<BakeQuestion> & Pick<BakeQuestion, 'after'>): string | undefined {
  const found = earlyWave({ minimum: 4 * hour, at: start, ...question });
  return found && `${found.wave ?? 'all'} after ${found.gap / hour}`;
}

const canary = { labels: ['canary'], opens: start };
const shown = release({ 0: 0, 100: 4, 200: 8 });

describe('the bake time between waves', () => {
  it('is asked of each wave of a new release, and of groups that go first', () => {
    assert.equal(early({ after: { waves: waves({ 0: 1, 100: 5, 200: 9 }) } }), undefined);
    assert.equal(early({ after: { waves: waves({ 0: 1, 100: 5, 200: 8.5 }) } }), '3 after 3.5');
    assert.equal(early({ after: { waves: waves({ 0: 1, 100: 5 }), groups: [canary] } }), '1 after 1');
    const late = { labels: ['late'], opens: start + 2 * hour };
    assert.equal(early({ after: { waves: waves({ 0: 1, 100: 5 }), groups: [late] } }), undefined);
    // Keys in any order.
    assert.equal(early({ after: { waves: new Map([...waves({ 0: 1, 100: 2 })].reverse()) } }), '2 after 1');
    assert.equal(early({ after: { waves: new Map() } }), undefined, 'one step, with nothing before it');
    assert.equal(
      early({ after: { waves: waves({ 0: 0, 100: 4 }), groups: [canary] } }),
      undefined,
      'one step',
    );
    const past = { waves: waves({ 0: 0 }), groups: [canary] };
    assert.equal(early({ after: past, at: start + hour }), undefined, 'one step, late');
  });

  it('counts a time that is past when it is published from then on', () => {
    const after = { waves: waves({ 0: 0, 100: 10 }) };
    assert.equal(early({ after, at: start }), undefined);
    assert.equal(early({ after, at: start + 7 * hour }), '2 after 3');
    assert.equal(early({ after, at: start + 99 * hour }), '2 after 0', 'everyone at once');
  });

  it('forgives the second that computed times lose', () => {
    const withGap = (gap: number) => ({ waves: new Map([...waves({ 0: 0 }), [100, start + gap]]) });
    assert.equal(early({ after: withGap(4 * hour - 999) }), undefined);
    assert.notEqual(early({ after: withGap(4 * hour - 1000) }), undefined);
  });

  it('of a release under way counts from the last wave that really began', () => {
    const at = start + 5 * hour;
    assert.equal(early({ before: shown, after: shown, at }), undefined);
    const sooner = accelerateRelease({ ...emptyManifest, updates: [shown] }, id, { at, factor: 2 });
    assert.equal(early({ before: shown, after: sooner.updates[0] ?? shown, at }), '3 after 2.5');
    // The policy is entered at its last wave: by its own times it baked, in truth the wave before is an hour old.
    const policy: WavePolicy = {
      waves: [
        { startAfter: 0, fleetPercentage: 6 },
        { startAfter: 4 * hour, fleetPercentage: 100 },
      ],
    };
    const entered = accelerateRelease({ ...emptyManifest, updates: [shown] }, id, { at, policy });
    assert.equal(early({ before: shown, after: entered.updates[0] ?? shown, at }), '2 after 1');
    assert.equal(early({ before: shown, after: { waves: new Map() }, at }), 'all after 1');
    assert.equal(early({ before: shown, after: { waves: new Map() }, at: start + 8 * hour }), undefined);
  });

  it('lets waves begin anew that hosts have seen, and asks the rest to wait for them', () => {
    const at = start + 5 * hour;
    const again = (third: number) => ({ waves: waves({ 0: 6, 100: 7, 200: third }) });
    assert.equal(early({ before: shown, after: again(10), at }), '3 after 3');
    assert.equal(early({ before: shown, after: again(11), at }), undefined);
    // A wave that reaches one seed further than those that have begun.
    assert.equal(early({ before: shown, after: { waves: waves({ 0: 6, 201: 11 }) }, at }), '1 after 2');
    assert.equal(early({ before: shown, after: { waves: waves({ 0: 6, 200: 11 }) }, at }), undefined);
  });

  it('knows what a pause holds back, and a release that is open or has begun for groups alone', () => {
    const at = start + 5 * hour;
    const manifest = { ...emptyManifest, updates: [shown] };
    const [paused = shown] = pauseRelease(manifest, id, { at: start + 4.5 * hour }).updates;
    assert.equal(early({ before: paused, after: { waves: new Map() }, at }), 'all after 1');
    const open = release({}, { opened: start + 4.5 * hour });
    assert.equal(early({ before: open, after: { waves: waves({ 0: 5, 100: 6 }) }, at }), undefined);
    const first = release({ 0: 24 }, { groups: [canary] });
    assert.equal(early({ before: first, after: { waves: waves({ 0: 3 }) }, at: start + hour }), '1 after 3');
    assert.equal(early({ before: first, after: { waves: waves({ 0: 4 }) }, at: start + hour }), undefined);
    assert.equal(
      early({ before: first, after: { waves: waves({ 0: 3 }) }, at: start }),
      '1 after 3',
      'just now',
    );
    const last = release({ 0: 0, 100: 4, 200: 6 });
    const nowAll = { before: last, after: { waves: new Map<number, number>() } };
    assert.equal(early({ ...nowAll, at: start + 5.5 * hour }), 'all after 1.5');
    assert.equal(early({ ...nowAll, at: start + 6 * hour }), undefined, 'the last wave begins now');
    const more = release({ 0: 0, 100: 4, 200: 6, 300: 10 });
    assert.equal(early({ ...nowAll, before: more, at: start + 6 * hour }), 'all after 0');
    const unseen = release({ 0: 24 });
    assert.equal(early({ before: unseen, after: { waves: waves({ 0: 3 }) }, at: start + hour }), undefined);
  });
});
