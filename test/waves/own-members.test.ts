import assert from 'node:assert/strict';
import { choose } from '../../src/waves/choose.ts';
import { formatManifest, parseManifest } from '../../src/waves/manifest.ts';
import { isLabel } from '../../src/waves/own-members.ts';
import { addRelease, emptyManifest, setWaves } from '../../src/waves/releases.ts';
import { bytesOf, type Json, manifestJson, textOfBytes, updateJson } from './manifest-fixtures.ts';

const time = '2030-01-01T00:00:00Z';
const group = { labels: ['canary', 'rack-7'], opens: time };
const paused = { at: time, waves: { '0': time }, last_wave_ends: '2030-01-02T00:00:00Z', groups: [group] };
const withdrawal = { variant: 'demo', arch: 'x86_64', version: '1.0.0', at: time };

function release(own: Json): Uint8Array {
  return bytesOf(manifestJson(updateJson({ tidegate: own })));
}

function withdrawn(value: Json, more: { [name: string]: Json } = {}): Uint8Array {
  return bytesOf({ ...manifestJson(updateJson()), tidegate: { withdrawn: value, ...more } });
}

describe('what stands in the member tidegate of a manifest', () => {
  it('is read, written and read again, with members of later versions', () => {
    const own = { spread: 'linear', groups: [group], paused, opened: time, barrier: true, later: [1] };
    const text = manifestJson(updateJson({ tidegate: own }));
    const bytes = bytesOf({
      ...text,
      tidegate: { withdrawn: [{ ...withdrawal, reason: 'bad' }, withdrawal], later: 1 },
      other: 2,
    });
    const manifest = parseManifest(bytes);
    assert.deepEqual(manifest.updates[0]?.groups, [{ labels: group.labels, opens: Date.parse(time) }]);
    assert.equal(manifest.updates[0]?.pause?.at, Date.parse(time));
    const written = JSON.parse(textOfBytes(formatManifest(manifest)));
    assert.deepEqual(written.tidegate, {
      later: 1,
      withdrawn: [{ ...withdrawal, reason: 'bad' }, withdrawal],
    });
    assert.deepEqual(written.updates[0].tidegate, {
      later: [1],
      spread: 'linear',
      groups: [group],
      paused,
      opened: time,
      barrier: true,
    });
    assert.deepEqual(parseManifest(formatManifest(manifest)), manifest);
  });

  it('takes 64 groups, 64 labels and 63 characters, and knows what no label is', () => {
    const labels = Array.from({ length: 64 }, (_, index) => `l${index}`);
    const groups = labels.map(() => ({ labels, opens: time }));
    assert.equal(parseManifest(release({ groups })).updates[0]?.groups?.length, 64);
    for (const label of ['a', '7', 'a'.repeat(63), 'rack-7', 'a.b_c']) assert.ok(isLabel(label), label);
    for (const label of ['', 'a'.repeat(64), 'A', '-a', '.a', '_a', 'a b', 'a\n', 'ä', 'a,b', '\u001b[31m'])
      assert.ok(!isLabel(label), JSON.stringify(label));
  });

  const wrong: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['groups that are no list', release({ groups: {} }), /tidegate\.groups/],
    ['a group that is no object', release({ groups: [1] }), /groups\[0\]/],
    ['a group without labels', release({ groups: [{ labels: [], opens: time }] }), /1 to 64 labels/],
    [
      'a label with a space',
      release({ groups: [{ labels: ['a b'], opens: time }] }),
      /labels\[0\]: found .*a label/,
    ],
    ['a label that is no text', release({ groups: [{ labels: [1], opens: time }] }), /labels\[0\]/],
    ['a group without a moment', release({ groups: [{ labels: ['a'] }] }), /groups\[0\]\.opens/],
    ['65 groups', release({ groups: Array.from({ length: 65 }, () => group) }), /at most 64 groups/],
    [
      '65 labels',
      release({ groups: [{ labels: Array.from({ length: 65 }, () => 'a'), opens: time }] }),
      /1 to 64/,
    ],
    ['a pause without waves', release({ paused: { at: time } }), /paused\.waves/],
    ['a pause without a moment', release({ paused: { waves: {} } }), /paused\.at/],
    ['a barrier that is neither true nor false', release({ barrier: 1 }), /tidegate\.barrier/],
    ['an opening at no moment', release({ opened: 'soon' }), /tidegate\.opened/],
    ['a withdrawal that is no object', withdrawn([1]), /withdrawn\[0\]/],
    ['a withdrawal of no version', withdrawn([{ ...withdrawal, version: 'v1' }]), /withdrawn\[0\]\.version/],
    ['a reason that is no text', withdrawn([{ ...withdrawal, reason: 1 }]), /withdrawn\[0\]\.reason/],
    ['a member tidegate that is no object', bytesOf({ ...manifestJson(), tidegate: 1 }), /tidegate/],
  ];
  for (const [title, bytes, message] of wrong) {
    it(`MAN-01: refuses ${title}, naming it`, () => {
      assert.throws(() => parseManifest(bytes), { code: 'manifest-invalid', message });
    });
  }

  it('is refused when it would be written wrongly', () => {
    const one = {
      variant: 'demo',
      arch: 'x86_64',
      version: '1.0.0',
      images: { image: 'i' },
      waves: new Map(),
    };
    const manifest = addRelease(emptyManifest, one);
    const waves = (groups: { labels: string[]; opens: number }[]) => () =>
      setWaves(manifest, one, { waves: new Map(), groups });
    assert.throws(waves([{ labels: [], opens: 0 }]), { code: 'release-invalid' });
    assert.throws(waves([{ labels: ['ok', 'Not'], opens: 0 }]), { code: 'release-invalid' });
    assert.throws(waves([{ labels: ['ok'], opens: -1 }]), { code: 'release-invalid' });
    const fraction = { ...manifest, withdrawn: [{ ...one, at: 0.5 }] };
    assert.throws(() => formatManifest(fraction), { code: 'manifest-invalid' });
  });

  it('a host in two groups goes with the first, and one with a strange label by its seed', () => {
    const at = Date.parse(time);
    const one = { variant: 'demo', arch: 'x86_64', version: '1.0.0', images: { image: 'i' } };
    const groups = [
      { labels: ['late'], opens: at + 2 },
      { labels: ['canary', 'rack-7'], opens: at },
    ];
    const manifest = addRelease(emptyManifest, { ...one, waves: new Map([[0, at + 1000]]), groups });
    const kind = (labels: string[], now: number) =>
      choose(manifest, { ...one, version: '0.1.0', seed: 9, labels }, now).kind;
    assert.deepEqual(
      [
        kind(['rack-7'], at),
        kind(['rack-7', 'late'], at),
        kind(['late'], at + 2),
        kind(['x'], at),
        kind([], at + 1000),
      ],
      ['update', 'none', 'update', 'none', 'update'],
    );
  });
});
