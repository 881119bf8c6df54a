/** docs/key-sources.md: what people copy from it works. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { keySourceSchemes, parseKeyUri } from '../../../src/signer/keys/key-source.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/key-sources.md'), 'utf8');

function blocks(language: string): readonly string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, text = '']) => text,
  );
}

describe('the page of key sources', () => {
  it('shows an address of every scheme, and each can be read', () => {
    const found = new Set<string>();
    for (const [, uri = ''] of page.matchAll(
      /[`' ="]((?:file|pkcs12|fd|pkcs11|awskms|awsssm):[^`'"\s|]+)[`'"\s]/g,
    )) {
      if (/^(?:awskms:KEY|awsssm:NAME|pkcs11:|file:\/\/.*)$/.test(uri)) continue;
      found.add(parseKeyUri(uri).scheme);
    }
    assert.deepEqual([...found].toSorted(), [...keySourceSchemes].toSorted());
  });

  it('shows policies that are JSON, and allow nothing but what is used', () => {
    const actions = blocks('json').flatMap((text) => {
      const { Statement } = JSON.parse(text) as { Statement: readonly { Action: string; Effect: string }[] };
      return Statement.map(({ Action, Effect }) => `${Effect} ${Action}`);
    });
    const expected = ['kms:GetPublicKey', 'kms:Sign', 'ssm:GetParameter', 'kms:Decrypt'];
    assert.deepEqual(
      actions,
      expected.map((action) => `Allow ${action}`),
    );
  });

  it('shows a table of keys that can be read', () => {
    for (const text of blocks('toml'))
      for (const uri of Object.values(parse(text).keys ?? {})) assert.ok(parseKeyUri(`${uri}`));
  });
});
