import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expirationOf, readExpirationPolicy } from '../../../src/signer/workspace/expiration.ts';
import { readToml } from '../../../src/signer/workspace/toml-reader.ts';
import { parseWorkspaceFile } from '../../../src/signer/workspace/workspace-file.ts';

const templates = join(import.meta.dirname, '..', '..', '..', 'repo-templates');

function template(layout: 'single' | 'bottlerocket' = 'single'): string {
  return readFileSync(join(templates, 'layouts', `${layout}.toml`), 'utf8')
    .replace('@NAME@', 'example/os')
    .replace('@STORE@', 'public')
    .replace('@VARIANTS@', 'demo = ["x86_64", "aarch64"]');
}

/** What is found wrong, and where it is said to stand. */
function refusal(from: string | RegExp, to: string, place: RegExp): void {
  const text = template().replace(from, to);
  assert.notEqual(text, template(), `${from} is in the template`);
  assert.throws(
    () => parseWorkspaceFile(text),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, 'config-invalid');
      assert.match(error.message, place);
      return true;
    },
  );
}

describe('signer/workspace/workspace-file', () => {
  it('reads both templates', () => {
    const settings = parseWorkspaceFile(template());
    assert.equal(settings.name, 'example/os');
    assert.equal(settings.layout, 'single');
    assert.equal(settings.location, 'public');
    assert.deepEqual(settings.fleets, [
      { variant: 'demo', arch: 'x86_64' },
      { variant: 'demo', arch: 'aarch64' },
    ]);
    assert.deepEqual(settings.roles.root, { keys: ['root-1', 'root-2', 'root-3'], threshold: 2 });
    assert.equal(parseWorkspaceFile(template('bottlerocket')).layout, 'bottlerocket');
  });

  it('refuses unknown keys in every table, by name', () => {
    refusal('[store]', '[store]\nbucket = "x"', /tidegate\.toml: \[store\] bucket: .*known/);
    refusal('[roles.root]', '[roles.root]\nminimum = 1', /\[roles\.root\] minimum/);
    refusal(
      '[roles.root]',
      '[roles.mirrors]\nkeys = ["a"]\nthreshold = 1\n[roles.root]',
      /\[roles\] mirrors/,
    );
    refusal('[waves]', '[waves]\nspeed = "fast"', /\[waves\] speed/);
    refusal('[expiration]', '[expiration]\ntimestamp = "1 day"', /\[expiration\] timestamp/);
    refusal('layout = "single"', 'layout = "single"\nversion = 1', /toml: version/);
  });

  it('names table and key of what is missing or of another type', () => {
    refusal('name = "example/os"', '', /toml: name: found nothing/);
    refusal('name = "example/os"', 'name = "a b"', /toml: name: found "a b"/);
    refusal(
      'layout = "single"',
      'layout = "double"',
      /layout: found "double", expected single or bottlerocket/,
    );
    refusal('location = "public"', 'location = 7', /\[store\] location: found 7/);
    refusal('demo = ["x86_64", "aarch64"]', '', /\[variants\]/);
    refusal('demo = ["x86_64", "aarch64"]', 'demo = []', /\[variants\] demo: found an empty list/);
    refusal('demo = ["x86_64", "aarch64"]', 'demo = ["x86_64", "x86_64"]', /"x86_64" twice/);
    refusal('demo = ["x86_64", "aarch64"]', 'targets = ["x86_64"]', /\[variants\] variant: found "targets"/);
    refusal('demo = ["x86_64", "aarch64"]', 'demo = ["../x"]', /found "\.\.\/x"/);
    refusal(
      'keys = ["snapshot"]',
      'keys = ["../snapshot"]',
      /\[roles\.snapshot\] keys: found "\.\.\/snapshot"/,
    );
    refusal('keys = ["snapshot"]', 'keys = "snapshot"', /\[roles\.snapshot\] keys: found "snapshot"/);
    refusal('policy = "default"', 'policy = "../default"', /\[waves\] policy/);
    refusal('[waves]', '[waves', /tidegate\.toml: /);
  });

  it('SPEC-22, SGN-14: a threshold above the keys, 0, or of 1 for root is refused', () => {
    refusal('threshold = 2', 'threshold = 4', /\[roles\.root\] threshold: found 4, expected 1 to/);
    refusal(
      'threshold = 2',
      'threshold = 1',
      /\[roles\.root\] threshold: found 1, expected 2 to.*--override root-threshold/,
    );
    refusal('threshold = 1', 'threshold = 0', /\[roles\.targets\] threshold: found 0/);
    refusal('threshold = 1', 'threshold = 1.5', /\[roles\.targets\] threshold: found 1\.5/);
    refusal('"root-3"', '"root-2"', /\[roles\.root\] keys: found "root-2" twice/);
  });

  it('SGN-15: an online key in an offline role is refused', () => {
    const shared: readonly (readonly [string, string])[] = [
      ['snapshot', 'root-1'],
      ['timestamp', 'root-2'],
      ['targets', 'root-3'],
      ['snapshot', 'targets'],
      ['timestamp', 'targets'],
    ];
    for (const [role, key] of shared) {
      refusal(
        `keys = ["${role}"]`,
        `keys = ["${key}"]`,
        new RegExp(`\\[roles\\] ${role}\\.keys: found ${key}`),
      );
    }
    parseWorkspaceFile(template().replace('keys = ["snapshot"]', 'keys = ["timestamp"]'));
  });
});

describe('signer/workspace/expiration', () => {
  const day = 24 * 3_600_000;
  const policy = (text: string) => readExpirationPolicy(text, 'a.toml');
  const own = (text: string) => readToml(text, 'tidegate.toml');
  const all =
    'root_expiration = "52 weeks"\ntargets_expiration = "2 weeks"\nsnapshot_expiration = "2 weeks"\ntimestamp_expiration = "1 week"';

  it('takes each role from the one policy that states it, and the own table first', () => {
    const found = expirationOf(own('timestamp_expiration = "3 days"'), [policy(all)]);
    assert.deepEqual(found, { root: 364 * day, targets: 14 * day, snapshot: 14 * day, timestamp: 3 * day });
  });

  it('refuses a role without a value, with two, and unknown keys', () => {
    assert.throws(() => expirationOf(own(''), []), { code: 'config-invalid', message: /root_expiration/ });
    assert.throws(() => expirationOf(own(''), [policy(all), policy('root_expiration = "52 weeks"')]), {
      code: 'config-invalid',
    });
    assert.throws(() => policy('mirrors_expiration = "1 week"'), { code: 'config-invalid' });
    assert.throws(() => expirationOf(own('root_expiration = "1 month"'), [policy(all)]), {
      code: 'config-invalid',
    });
  });

  it('SGN-14: refuses an expiry of no time, of root under 7 days, and of any over 5 years', () => {
    for (const line of [
      'root_expiration = "6 days"',
      'root_expiration = "262 weeks"',
      'timestamp_expiration = "0 days"',
      'targets_expiration = "59 minutes"',
      'snapshot_expiration = "300 weeks"',
    ]) {
      assert.throws(() => expirationOf(own(line), [policy(all)]), { code: 'config-invalid' }, line);
    }
  });
});
