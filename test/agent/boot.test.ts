import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { startSlot } from '../../src/agent/boot.ts';
import { startNext } from '../../src/agent/boot-flags.ts';
import { provisionSlots } from '../../src/agent/provision.ts';
import { chooseSlot } from '../support/slots.ts';

const slotFlags = fc.record({
  priority: fc.integer({ min: 0, max: 15 }),
  tries: fc.integer({ min: 0, max: 15 }),
  successful: fc.boolean(),
});
const bootFlags = fc.record({
  active: fc.constantFrom('a' as const, 'b' as const),
  a: slotFlags,
  b: slotFlags,
});

describe('agent/boot: a start of slots that are files', () => {
  it('starts the slot that the boot loader of Bottlerocket would, and uses up one of its tries', () => {
    fc.assert(
      fc.property(bootFlags, (flags) => {
        const started = startNext(flags);
        const expected = chooseSlot(flags);
        assert.equal(started?.active, expected);
        if (started === undefined || expected === undefined) return;
        const other = expected === 'a' ? 'b' : 'a';
        assert.equal(started[expected].tries, Math.max(0, flags[expected].tries - 1));
        assert.deepEqual({ ...started[expected], tries: 0 }, { ...flags[expected], tries: 0 });
        assert.deepEqual(started[other], flags[other]);
      }),
    );
  });

  it('writes the try down before it names the folder, and refuses when nothing can boot', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidegate-boot-'));
    const { signal } = new AbortController();
    try {
      const release = { variant: 'demo', arch: 'x86_64', version: '1.0.0' };
      const slots = await provisionSlots({ directory, slotSize: 4096, release });
      const before = await slots.readFlags();
      await slots.writeFlags({ ...before, b: { priority: 2, tries: 1, successful: false } });
      assert.deepEqual(await startSlot(slots, signal), { slot: 'b', folder: join(directory, 'slot-b') });
      assert.deepEqual((await slots.readFlags()).b, { priority: 2, tries: 0, successful: false });
      assert.equal((await startSlot(slots, signal)).slot, 'a');
      const dead = { priority: 0, tries: 0, successful: false };
      await slots.writeFlags({ active: 'a', a: dead, b: dead });
      await assert.rejects(startSlot(slots, signal), { code: 'slot-invalid' });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
