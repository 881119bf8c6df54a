/** docs/signer-manual.md, played in its order: what it tells people to type works, and prints what it shows. */
import { readFileSync } from 'node:fs';
import { type Machines, machines, stepsOf } from '../support/manual.ts';

const manual = readFileSync(new URL('../../docs/signer-manual.md', import.meta.url), 'utf8');
const chapters = manual.split(/^## /m).filter((chapter) => stepsOf(chapter).length > 0);

describe('the signer manual', () => {
  let office: Machines;

  before(() => {
    office = machines(Date.UTC(2030, 0, 7, 9, 30));
    office.put('office/disk-1.0.0.img', 'an image');
    office.put('office/fw-7.bin', 'firmware 7');
    office.put('office/fw-7.json', '{"board": "a"}');
  });
  after(() => office.end());

  for (const chapter of chapters) {
    const title = chapter.slice(0, chapter.indexOf('\n'));
    it(`${title.startsWith('8') ? 'SGN-21: ' : ''}${title}`, async () => {
      for (const step of stepsOf(chapter)) await office.play(step);
    });
  }
});
