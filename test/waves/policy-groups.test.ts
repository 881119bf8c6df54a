import assert from 'node:assert/strict';
import { parseWavePolicy, scheduleOf } from '../../src/waves/wave-policy.ts';

const hour = 3_600_000;
const wave = '[[waves]]\nstart_after = "1 day"\nfleet_percentage = 100\n';
const groups = (body: string): string => `[[groups]]\n${body}\n`;
const canary = groups('labels = ["canary", "rack-7"]\nstart_after = "0 minutes"');

function refused(toml: string, message: RegExp): void {
  assert.throws(() => parseWavePolicy(toml, 'p.toml'), { code: 'wave-policy-invalid', message });
}

describe('groups and bake times of a wave policy', () => {
  it('gives groups their moment, whatever the seeds', () => {
    const policy = parseWavePolicy(canary + wave, 'p.toml');
    assert.deepEqual(policy.groups, [{ labels: ['canary', 'rack-7'], startAfter: 0 }]);
    assert.deepEqual(scheduleOf(policy, 1500).groups, [{ labels: ['canary', 'rack-7'], opens: 2000 }]);
    const last = Date.UTC(9999, 11, 31, 23);
    const late = {
      waves: [{ startAfter: 0, fleetPercentage: 100 }],
      groups: [{ labels: ['a'], startAfter: hour }],
    };
    assert.throws(() => scheduleOf(late, last), { code: 'wave-policy-invalid' });
  });

  it('refuses groups of another form, naming row and key', () => {
    refused(`groups = 1\n${wave}`, /expected tables \[\[groups\]\]/);
    refused(`groups = [1]\n${wave}`, /group 1: found 1, expected a table/);
    refused(
      groups('labels = ["a"]\nstart_after = "0 minutes"\nshare = 1') + wave,
      /group 1: found "key share"/,
    );
    refused(groups('labels = []\nstart_after = "0 minutes"') + wave, /group 1: labels/);
    refused(groups('labels = "a"\nstart_after = "0 minutes"') + wave, /group 1: labels/);
    refused(groups('labels = [1]\nstart_after = "0 minutes"') + wave, /group 1: labels: found 1/);
    refused(groups('labels = ["A"]\nstart_after = "0 minutes"') + wave, /group 1: labels: found "A"/);
    refused(canary + canary + wave, /group 2: labels: found "canary", expected each label once/);
    refused(groups('labels = ["a"]') + wave, /group 1: start_after/);
  });

  it('asks for the bake time between waves, and of the groups that go first', () => {
    const two =
      '[[waves]]\nstart_after = "1 hour"\nfleet_percentage = 5\n[[waves]]\nstart_after = "3 hours"\nfleet_percentage = 100\n';
    assert.equal(parseWavePolicy(`minimum_bake = "2 hours"\n${two}`, 'p.toml').minimumBake, 2 * hour);
    refused(
      `minimum_bake = "3 hours"\n${two}`,
      /p\.toml: bake time: found "120 minutes before wave 2", expected at least 180/,
    );
    refused(`minimum_bake = "2 hours"\n${canary}${two}`, /60 minutes before wave 1/);
    refused(`minimum_bake = 2\n${two}`, /minimum_bake/);
    assert.equal(parseWavePolicy(two, 'p.toml').minimumBake, undefined);
    const afterwards = groups('labels = ["late"]\nstart_after = "9 hours"');
    assert.doesNotThrow(() => parseWavePolicy(`minimum_bake = "2 hours"\n${afterwards}${two}`, 'p.toml'));
  });
});
