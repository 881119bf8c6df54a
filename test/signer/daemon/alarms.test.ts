import assert from 'node:assert/strict';
import { type ErrorCode, TidegateError } from '../../../src/errors.ts';
import { alarmsOf } from '../../../src/signer/daemon/alarms.ts';
import { lackingSince, longestLag } from '../../../src/signer/daemon/region-lag.ts';
import { checkExpirations } from '../../../src/signer/expiry/expiration-check.ts';
import { noThresholds, usualValidity } from '../../../src/signer/expiry/thresholds.ts';
import { formatNote, noteName } from '../../../src/signer/publication/store-note.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { day, start } from '../../support/workspace.ts';

const repository = 'metadata';

/** Codes of the alarms over a timestamp that lives so long, and over a failure. */
function alarms(remaining: number, code?: ErrorCode): readonly string[] {
  const roles = [{ role: 'timestamp', version: 1, expires: start + remaining }];
  const options = { at: start, validity: usualValidity, ...noThresholds };
  const check = checkExpirations([{ repository, roles, fault: undefined }], options);
  const failures = code === undefined ? [] : [{ repository, error: new TidegateError(code, 'trouble') }];
  return [...alarmsOf({ check, failures, validity: usualValidity }).values()].map((alarm) => alarm.code);
}

/** Codes of the alarms over a region that has been behind for so long. */
function lagging(lag: number): readonly string[] {
  const options = { at: start + lag, validity: usualValidity, ...noThresholds };
  const check = checkExpirations([], options);
  const lags = [{ repository, region: 's3://west', version: 3, since: start }];
  const found = alarmsOf({ check, failures: [], validity: usualValidity, lags });
  return [...found.values()].map(({ code, region, sentence }) => `${code} ${region}: ${sentence}`);
}

describe('signer/daemon/alarms', () => {
  it('a region is behind since the first timestamp that it lacks, or since the oldest that is still noted', async () => {
    const store = new MemoryStore();
    const note = async (version: number, time: number) =>
      await store.create(
        noteName('metadata', 'journal', version),
        formatNote({ version, snapshot: 1, sha256: 'a', noted_at: time }),
      );
    const since = async (version: number) => await lackingSince(store, { repository: 'metadata', version });
    assert.equal(await since(3), undefined);
    await note(7, 7000);
    await note(8, 8000);
    assert.deepEqual([await since(3), await since(6), await since(7)], [7000, 7000, 8000]);
    assert.equal(await since(8), undefined);
  });

  it('when a region has been behind for more than an hour', () => {
    assert.deepEqual(lagging(longestLag), []);
    assert.match(
      lagging(longestLag + 1).join(),
      /^region-behind s3:\/\/west: .*shows timestamp 3 and has not followed since/,
    );
  });

  it('SGN-26: at half of the life of a timestamp, from the very moment on, and at its end', () => {
    const half = usualValidity.timestamp / 2;
    assert.deepEqual(alarms(half + 1), []);
    assert.deepEqual(alarms(half), ['renewal-overdue']);
    assert.deepEqual(alarms(1), ['renewal-overdue']);
    assert.deepEqual(alarms(0), ['expired']);
  });

  it('at once for a file that is gone, though its class is the network, and not for what passes by itself', () => {
    assert.deepEqual(alarms(6 * day, 'not-found'), ['not-found']);
    for (const code of ['network-unreachable', 'locked', 'base-moved'] as const)
      assert.deepEqual(alarms(6 * day, code), [], code);
  });
});
