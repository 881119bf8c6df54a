import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { readOffset } from '../../src/waves/offset.ts';
import { opensAt } from '../../src/waves/wave.ts';
import { parseWavePolicy, scheduleOf } from '../../src/waves/wave-policy.ts';
import { policies, releaseStart, waveTable } from './wave-vectors.ts';

const templates = new URL('../../repo-templates/', import.meta.url);
const start = Date.parse(releaseStart);
const hour = 3_600_000;

function template(name: string): string {
  return readFileSync(new URL(name, templates), 'utf8');
}

function policyText(rows: readonly (readonly [startAfter: string, percentage: string])[]): string {
  return rows
    .map(([after, percentage]) => `[[waves]]\nstart_after = ${after}\nfleet_percentage = ${percentage}\n`)
    .join('\n');
}

describe('wave policy: templates', () => {
  it('has a template for each speed', () => {
    const names = readdirSync(new URL('waves/', templates)).sort();
    assert.deepEqual(names, ['accelerated.toml', 'default.toml', 'emergency.toml', 'slow.toml']);
  });

  const lasts = { default: 24, accelerated: 8, emergency: 0.5, slow: 24 } as const;
  for (const name of ['default', 'accelerated', 'emergency', 'slow'] as const) {
    it(`${name}.toml gives Bottlerocket's wave map, and spreads the last wave`, () => {
      const policy = parseWavePolicy(template(`waves/${name}.toml`), `${name}.toml`);
      const { waves, lastWaveEnds } = scheduleOf(policy, start);
      assert.deepEqual([...waves], [...waveTable(releaseStart, policies[name])]);
      assert.deepEqual(scheduleOf(policy, start).waves, waves);
      assert.equal(lastWaveEnds, Math.max(...waves.values()) + lasts[name] * hour);
      const last = opensAt(waves, 2047, 'linear', lastWaveEnds);
      assert.ok(last !== 'always' && last > Math.max(...waves.values()) && last < lastWaveEnds);
    });
  }

  it('names of expiration templates state their values', () => {
    const names = readdirSync(new URL('expiration/', templates)).sort();
    assert.deepEqual(names, ['26w-26w-13w.toml', '2w-26w-1w.toml', '2w-2w-1w.toml', 'root-52w.toml']);
    const week = 7 * 24 * hour;
    for (const name of names) {
      const values = Object.entries(parse(template(`expiration/${name}`)));
      const weeks = values.map(([, value]) => Number(readOffset(String(value))) / week);
      const keys = values.map(([key]) => key.replace(/_expiration$/, ''));
      if (name === 'root-52w.toml') assert.deepEqual(keys, ['root']);
      else assert.deepEqual(keys, ['snapshot', 'targets', 'timestamp']);
      assert.equal(
        `${keys[0] === 'root' ? 'root-' : ''}${weeks.map((count) => `${count}w`).join('-')}.toml`,
        name,
      );
    }
  });
});

describe('wave policy: conversion', () => {
  const keys: readonly (readonly [number, number])[] = [
    [1, 20],
    [3, 61],
    [5, 102],
    [12, 245],
    [15, 307],
    [25, 512],
    [40, 819],
    [50, 1024],
    [60, 1228],
    [80, 1638],
    [90, 1843],
    [100, 2048],
  ];
  for (const [percentage, key] of keys) {
    it(`${percentage} % is key ${key}`, () => {
      const waves = [
        { startAfter: 0, fleetPercentage: percentage },
        { startAfter: 1000, fleetPercentage: 100 },
      ];
      assert.deepEqual(
        [...scheduleOf({ waves }, start).waves],
        [
          [0, start],
          [key, start + 1000],
        ],
      );
    });
  }

  it('is the integer floor for every percentage', () => {
    for (let percentage = 1; percentage <= 100; percentage += 1) {
      const waves = [
        { startAfter: 0, fleetPercentage: percentage },
        { startAfter: 1000, fleetPercentage: 100 },
      ];
      const expected = Number((BigInt(percentage) * 2048n) / 100n);
      assert.equal([...scheduleOf({ waves }, start).waves.keys()][1], expected);
    }
  });

  it('rounds part of a second of the start time up, never down', () => {
    const policy = parseWavePolicy(policyText([['"1 hour"', '100']]), 'p.toml');
    assert.deepEqual([...scheduleOf(policy, start + 1).waves], [[0, start + hour + 1000]]);
    assert.deepEqual(scheduleOf(policy, start), { waves: new Map([[0, start + hour]]) });
  });

  it('refuses start times that no manifest can hold', () => {
    const policy = parseWavePolicy(
      `last_wave_lasts = "1 day"\n${policyText([['"0 hours"', '100']])}`,
      'p.toml',
    );
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, -1001, Date.UTC(9999, 11, 31, 12)]) {
      assert.throws(() => scheduleOf(policy, bad), { code: 'wave-policy-invalid' });
    }
  });
});

describe('wave policy: validation', () => {
  const good = policyText([
    ['"1 hour"', '5'],
    ['"in 2 hours"', '100'],
  ]);

  it('reads rows in order', () => {
    assert.deepEqual(parseWavePolicy(good, 'p.toml'), {
      waves: [
        { startAfter: hour, fleetPercentage: 5 },
        { startAfter: 2 * hour, fleetPercentage: 100 },
      ],
    });
  });

  const refused: readonly (readonly [title: string, text: string, message: RegExp])[] = [
    ['text that is no TOML', 'waves = [', /^p\.toml: /],
    ['no waves', '', /^p\.toml: found nothing, expected at least one/],
    ['waves that are no tables', 'waves = 3', /^p\.toml: found 3, /],
    ['an empty list', 'waves = []', /^p\.toml: found an array, /],
    ['a row that is no table', 'waves = [1]', /^p\.toml: wave 1: found 1, /],
    ['a row that is a list', 'waves = [[]]', /^p\.toml: wave 1: found an array, /],
    ['a row that is a date', 'waves = [2030-01-01]', /^p\.toml: wave 1: found a table or date, /],
    ['an unknown key at the top', `lst_wave = "1 day"\n${good}`, /^p\.toml: found "key lst_wave", /],
    ['an unknown key in a row', `${good}start = 1\n`, /^p\.toml: wave 2: found "key start", /],
    ['0 %', policyText([['"1 hour"', '0']]), /wave 1: fleet_percentage: found 0,/],
    ['101 %', policyText([['"1 hour"', '101']]), /wave 1: fleet_percentage: found 101,/],
    ['a fraction', policyText([['"1 hour"', '50.5']]), /wave 1: fleet_percentage: found 50\.5,/],
    ['a float that looks whole', policyText([['"1 hour"', '100.0']]), /wave 1: fleet_percentage: found 100,/],
    ['a percentage as text', policyText([['"1 hour"', '"100"']]), /wave 1: fleet_percentage: found "100",/],
    ['no percentage', '[[waves]]\nstart_after = "1 hour"', /wave 1: fleet_percentage: found nothing,/],
    ['no offset', '[[waves]]\nfleet_percentage = 100', /wave 1: start_after: found nothing,/],
    ['a number as offset', policyText([['3600', '100']]), /wave 1: start_after: found 3600,/],
    ['an offset of another grammar', policyText([['"1h"', '100']]), /wave 1: start_after: found "1h",/],
    [
      'equal percentages',
      policyText([
        ['"1 hour"', '5'],
        ['"2 hours"', '5'],
      ]),
      /wave 2: fleet_percentage: found 5, expected more than 5/,
    ],
    [
      'falling percentages',
      policyText([
        ['"1 hour"', '50'],
        ['"2 hours"', '40'],
      ]),
      /wave 2: fleet_percentage: found 40,/,
    ],
    [
      'equal offsets',
      policyText([
        ['"60 minutes"', '5'],
        ['"1 hour"', '100'],
      ]),
      /wave 2: start_after: found "60 minutes",/,
    ],
    [
      'falling offsets',
      policyText([
        ['"2 hours"', '5'],
        ['"1 hour"', '100'],
      ]),
      /wave 2: start_after: /,
    ],
    [
      'a last row below 100',
      policyText([
        ['"1 hour"', '5'],
        ['"2 hours"', '99'],
      ]),
      /wave 2: fleet_percentage: found 99, expected 100 in the last/,
    ],
    ['a wrong end', `last_wave_lasts = "soon"\n${good}`, /^p\.toml: last_wave_lasts: found "soon",/],
  ];
  for (const [title, text, message] of refused) {
    it(`refuses ${title}, naming file and row`, () => {
      assert.throws(() => parseWavePolicy(text, 'p.toml'), { code: 'wave-policy-invalid', message });
    });
  }
});
