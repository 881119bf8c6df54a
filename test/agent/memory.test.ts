import assert from 'node:assert/strict';
import { type AgentMemory, noMemory, readMemory, writeMemory } from '../../src/agent/memory.ts';
import { MemoryFileSystem } from '../support/memory-file-system.ts';

const release = { variant: 'demo', arch: 'x86_64', version: '1.1.0' };
const full: AgentMemory = {
  check: {
    running: { ...release, version: '1.0.0' },
    chosen: { ...release, images: { image: 'a.img' } },
    open: ['1.1.0'],
    changesAt: 5,
  },
  command: { type: 'prepare', status: 'Failed', time: 1, exitStatus: 84, message: 'hash' },
  failure: { command: 'prepare', code: 'hash-mismatch', message: 'hash', time: 2 },
  givenUp: [{ release, reason: 'fell-back', time: 3 }],
};

describe('agent memory', () => {
  let disk: MemoryFileSystem;

  beforeEach(() => {
    disk = new MemoryFileSystem();
  });

  async function roundTrip(memory: unknown): Promise<AgentMemory> {
    await writeMemory(disk, '/', memory as AgentMemory);
    return await readMemory(disk, '/', 9);
  }

  it('comes back as it was written, and is empty at first', async () => {
    assert.deepEqual(await readMemory(disk, '/', 0), noMemory);
    assert.deepEqual(await roundTrip(full), full);
    const none = { ...full.check, chosen: undefined, reason: 'wave', version: '1.1.0' };
    assert.equal((await roundTrip({ ...full, check: none })).check?.reason, 'wave');
  });

  const wrong: readonly (readonly [string, unknown])[] = [
    ['no list of given-up releases', { ...full, givenUp: {} }],
    ['an unknown reason', { ...full, givenUp: [{ release, reason: 'tired', time: 3 }] }],
    [
      'a release without version',
      { ...full, givenUp: [{ release: { variant: 'a' }, reason: 'reverted', time: 3 }] },
    ],
    ['an unknown command', { ...full, command: { ...full.command, type: 'explode' } }],
    ['an unknown outcome', { ...full, command: { ...full.command, status: 'Maybe' } }],
    ['a time that is none', { ...full, failure: { ...full.failure, time: -1 } }],
    ['no list of open versions', { ...full, check: { ...full.check, open: 'all' } }],
    ['a check that is a list', { ...full, check: [] }],
  ];
  for (const [what, memory] of wrong) {
    it(`holding ${what}, it is told and taken as empty`, async () => {
      const { failure, givenUp, check } = await roundTrip(memory);
      assert.deepEqual([failure?.code, failure?.command, failure?.time], ['state-damaged', 'start', 9]);
      assert.deepEqual([givenUp, check], [[], undefined]);
    });
  }
});
