import assert from 'node:assert/strict';
import { TidegateError } from '../../../src/errors.ts';
import { type DaemonEvent, eventJson, eventLine } from '../../../src/signer/daemon/daemon-event.ts';

const time = Date.UTC(2030, 0, 1);
const alarm = {
  repository: 'metadata',
  role: 'timestamp',
  code: 'renewal-overdue',
  sentence: 'it ends',
} as const;

const said: readonly (readonly [DaemonEvent, string, object])[] = [
  [
    { event: 'started', repositories: ['a', 'b'], interval: 3_600_000 },
    'started: a, b; looks every 3600 s',
    { repositories: ['a', 'b'], interval_seconds: 3600 },
  ],
  [
    { event: 'refreshed', repository: 'a', roles: ['timestamp 2'] },
    'refreshed: a: timestamp 2',
    { repository: 'a', roles: ['timestamp 2'] },
  ],
  [
    { event: 'waiting', repository: 'a', roles: ['targets'] },
    'waiting: a: targets must be signed, and the keys are not at hand',
    { repository: 'a', roles: ['targets'] },
  ],
  [
    { event: 'failed', repository: '', error: new TidegateError('locked', 'busy') },
    'failed: [locked] busy',
    { repository: '', code: 'locked', message: 'busy' },
  ],
  [
    { event: 'alarm', ...alarm },
    'alarm: metadata: [renewal-overdue] it ends',
    { repository: 'metadata', role: 'timestamp', code: 'renewal-overdue', message: 'it ends' },
  ],
  [
    { event: 'cleared', ...alarm, role: undefined },
    'cleared: metadata: [renewal-overdue] it ends',
    { repository: 'metadata', role: null, code: 'renewal-overdue', message: 'it ends' },
  ],
  [{ event: 'stopped' }, 'stopped', {}],
];

describe('signer/daemon/daemon-event', () => {
  for (const [event, line, data] of said) {
    it(`says ${event.event} to people and to programs, each on one line`, () => {
      assert.equal(eventLine(event, time), `2030-01-01T00:00:00Z ${line}`);
      const json = eventJson(event, time);
      assert.deepEqual(JSON.parse(json), { time: '2030-01-01T00:00:00Z', event: event.event, ...data });
      assert.ok(!json.includes('\n'));
    });
  }
});
