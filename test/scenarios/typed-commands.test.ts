/**
 * docs/typed-commands.md: what it says people type for each job is typed here, on machines of their own, and does the job;
 * its table has these numbers, and none below them.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { putPrivateKey, today } from '../support/adoption.ts';
import { type Machines, machines, stepsOf } from '../support/manual.ts';

const page = readFileSync(new URL('../../docs/typed-commands.md', import.meta.url), 'utf8');

/** By the number of the job: its name, and the cells of its row. */
const rows = new Map(
  [...page.matchAll(/^\| (\d+)\. ([^|]+?) \|(.*)\|$/gm)].map(([, number, job, cells = '']) => [
    Number(number),
    { job, cells: cells.split('|').map((cell) => cell.trim()) },
  ]),
);
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((text) => [Number.parseInt(text, 10), stepsOf(text)]),
);

/** A cell's number; undefined where the tool has no command. */
function countIn(cell = ''): number | undefined {
  const [, number] = /^(\d+)(?: \[[a-z]\])?$/.exec(cell) ?? [];
  return number === undefined ? undefined : Number(number);
}

interface Scene extends Machines {
  /** Types what a job needs before it begins, or what shows that it is done. */
  type(machine: string, line: string): Promise<void>;
}

/** What is there before the job begins. */
const prepare = new Map<number, (scene: Scene) => Promise<void>>([
  [
    3,
    async (scene) => {
      for (const name of ['alice', 'bob', 'carol', 'dave']) {
        await scene.type(name, `tidegate key new ${name}`);
        if (name !== 'alice')
          await scene.play({ kind: 'carry', from: [`${name}/${name}.pub`], to: ['alice'] });
      }
    },
  ],
  [6, (scene) => scene.type('alice', 'tidegate root propose --workspace acme')],
  [9, (scene) => scene.type('solo', 'tidegate refresh --force')],
  [
    12,
    async ({ folder, put }) => {
      put('heir/keys/README', 'private halves that the old tool used');
      cpSync(join(import.meta.dirname, '../fixtures/adopt/tuftool'), join(folder, 'heir/tuftool'), {
        recursive: true,
      });
      for (const name of ['targets', 'snapshot', 'timestamp']) putPrivateKey(join(folder, 'heir'), name);
    },
  ],
]);

/** What shows that the job is done. */
const check = new Map<number, (scene: Scene) => Promise<void>>([
  [1, (scene) => scene.type('solo', 'export TIDEGATE_WORKSPACE=acme')],
  [2, async ({ folder }) => assert.ok(existsSync(join(folder, 'solo/acme/keys/dora.pub')))],
  [3, (scene) => scene.type('bob', 'tidegate verify ../alice/acme/repository')],
  [
    4,
    async (scene) => {
      await scene.type('solo', 'tidegate plan');
      await scene.play({ kind: 'shown', lines: ['nothing to publish: what is published is current'] });
      await scene.type('bob', 'tidegate verify ../solo/acme/repository');
      await scene.play({ kind: 'shown', lines: ['…; 1 release'] });
    },
  ],
  [
    5,
    async (scene) => {
      await scene.type('solo', 'tidegate delegate show firmware');
      await scene.type('solo', 'tidegate plan');
      await scene.play({ kind: 'shown', lines: ['nothing to publish: what is published is current'] });
    },
  ],
  [
    6,
    async (scene) => {
      await scene.play({ kind: 'carry', from: ['bob/root-2.request.json'], to: ['alice/bob'] });
      await scene.play({ kind: 'carry', from: ['carol/root-2.request.json'], to: ['alice/carol'] });
      await scene.type(
        'alice',
        'tidegate publish --workspace acme bob/root-2.request.json carol/root-2.request.json',
      );
    },
  ],
  [
    7,
    async ({ folder }) => assert.ok(existsSync(join(folder, 'solo/acme/repository/metadata/2.targets.json'))),
  ],
  [8, (scene) => scene.type('solo', 'tidegate refresh')],
  [
    10,
    async (scene) => {
      await scene.type('alice', 'tidegate root show --workspace acme');
      await scene.play({ kind: 'shown', lines: ['root 3 of acme', 'root 2 of alice, bob, dave'] });
    },
  ],
  [
    11,
    async (scene) => {
      await scene.type('alice', 'tidegate root show --workspace acme');
      await scene.play({ kind: 'shown', lines: ['root 4 of acme', 'timestamp 1 of timestamp-2'] });
    },
  ],
  [12, (scene) => scene.type('heir', 'tidegate verify taken/public --root tuftool/metadata/1.root.json')],
]);

describe('typed commands, counted', () => {
  let scene: Scene;

  before(() => {
    const played = machines(today);
    played.put('solo/disk-1.0.0.img', 'an image');
    const type = (machine: string, line: string) => played.play({ kind: 'type', machine, later: 0, line });
    scene = { ...played, type };
  });
  after(() => scene.end());

  for (const [number, { job, cells }] of rows) {
    it(`${number}. ${job}`, async () => {
      const steps = sections.get(number) ?? [];
      await prepare.get(number)?.(scene);
      for (const step of steps) await scene.play(step);
      await check.get(number)?.(scene);
      const typed = steps.filter(({ kind }) => kind === 'type').length;
      const [ours, ...theirs] = cells.map(countIn);
      assert.equal(ours, typed, 'the table has another number than is typed');
      for (const count of theirs) assert.ok(count === undefined || count >= typed, `${count} is fewer`);
    });
  }

  it('has twelve rows of four cells, each a number, "none" or "not counted"', () => {
    assert.equal(rows.size, 12);
    assert.deepEqual([...sections.keys()], [...rows.keys()]);
    for (const { cells } of rows.values()) {
      assert.equal(cells.length, 4);
      for (const cell of cells) assert.match(cell, /^(\d+|none|not counted)( \[[a-z]\])?$/);
    }
  });

  it('explains every mark once', () => {
    const used = [...page.matchAll(/ \[([a-z])\](?= \|)/g)].map(([, mark]) => mark);
    const explained = [...page.matchAll(/^- \[([a-z])\] /gm)].map(([, mark]) => mark);
    assert.deepEqual([...new Set(used)].sort(), explained);
  });
});
