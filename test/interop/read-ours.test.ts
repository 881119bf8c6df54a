/**
 * Repositories made with our commands, read by every client that is here, from every root that a host may trust; and
 * refused by each of them when somebody altered a copy. Run by .ci/interop; a plain run of the tests passes over it.
 */
import assert from 'node:assert/strict';
import { peers, type Read, readBy, wanted } from './peers.ts';
import { recorded } from './results.ts';
import { type Scene, sceneKinds } from './scenes.ts';
import { assertRefused, copyOf, tamperings } from './tampering.ts';

describe('interop: ours, read by others', function () {
  this.timeout(300_000);
  if (!wanted) {
    it('is what .ci/interop runs');
    return;
  }

  for (const { name, make } of sceneKinds) {
    describe(name, () => {
      let scene: Scene;
      before(async () => {
        scene = await make();
      });
      after(() => scene?.end());

      for (const peer of peers) {
        it(`DEP-08: ${peer.name} reads every target from every root`, async () => {
          await recorded({ part: 'ours', row: name, peer: peer.name }, async () => {
            const names = [...scene.targets.keys()];
            for (const [place, root] of scene.roots.entries()) {
              const read: Read = await readBy(peer, scene, root, names);
              assert.deepEqual(read.contents, [...scene.targets.values()], `from root ${place + 1}`);
              if (read.root !== undefined) assert.equal(read.root, scene.roots.length);
            }
          });
        });

        it(`${peer.name} refuses it altered`, async () => {
          for (const tampering of tamperings) {
            // The last one: with delegations, a delegated role lists it.
            const target = [...scene.targets.keys()].at(-1) ?? '';
            const copy = tampering.apply(scene, target);
            if (copy === undefined) continue;
            try {
              // The oldest root: every later one is on the way.
              const reading = readBy(peer, copy, scene.roots[0] ?? '', [copy.target]);
              await assertRefused(reading, tampering.name);
            } finally {
              copy.end();
            }
          }
        });
      }

      it('passes every profile', async () => {
        for (const profile of ['bottlerocket', 'portable', 'strict']) {
          const { status, out, beside } = await scene.verify('--all', '--profile', profile);
          assert.equal(status, 0, `${profile}: ${out}${beside}`);
        }
      });

      it('a copy that nobody altered is read', async () => {
        const [ours] = peers;
        assert.ok(ours !== undefined);
        const [first = ''] = scene.targets.keys();
        const copy = copyOf(scene, first);
        try {
          const { contents } = await readBy(ours, copy, scene.roots[0] ?? '', [first]);
          assert.deepEqual(contents, [scene.targets.get(first)]);
        } finally {
          copy.end();
        }
      });
    });
  }
});
