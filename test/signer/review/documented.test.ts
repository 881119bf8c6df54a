import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { formatSigningRequest } from '../../../src/signer/ceremony/request-format.ts';
import { alarmKinds, isGrave } from '../../../src/signer/review/alarm.ts';
import * as scenes from '../../support/review-scenes.ts';

/** The code words in the first cells of a table under a heading. */
async function firstCells(heading: string): Promise<readonly string[]> {
  const text = await readFile(new URL('../../../docs/signing-requests.md', import.meta.url), 'utf8');
  const [, section = ''] = text.split(`\n## ${heading}\n`);
  const rows = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, word = '']) => word),
  );
}

describe('docs/signing-requests.md', () => {
  it('lists every alarm, once, in the order of the code', async () => {
    assert.deepEqual(await firstCells('Alarms'), alarmKinds);
  });

  it('says which alarms are grave', async () => {
    const text = await readFile(new URL('../../../docs/signing-requests.md', import.meta.url), 'utf8');
    const grave = [...text.matchAll(/^\| `([^`]+)` \| \*\*Grave\.\*\*/gm)].map(([, kind]) => kind);
    assert.deepEqual(grave, alarmKinds.filter(isGrave));
  });

  it('lists every member of a request', async () => {
    const members = new Set<string>();
    for (const scene of [scenes.changedTargets, scenes.delegatedRole]) {
      const request = { ...(await scene()), longestValidity: 1 };
      for (const name of Object.keys(JSON.parse(new TextDecoder().decode(formatSigningRequest(request)))))
        members.add(name);
    }
    assert.deepEqual((await firstCells('What the file holds')).toSorted(), [...members].toSorted());
  });
});
