/**
 * The lower bound: the targets role read with JSON.parse, made canonical as plain objects, one signature checked.
 * Nothing is checked of what the document says, no other role is read, and duplicate members, fractions, deep nesting
 * and strange names would go unnoticed. It is as lean as plain code can be without being wrong for this document.
 */
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argumentsOf, reportJob } from '../job.ts';
import { roleFiles } from '../repository-fixture.ts';

interface PlainEnvelope {
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
  readonly signed: Readonly<Record<string, unknown>>;
}

const [folder = ''] = argumentsOf('FOLDER');
const root = JSON.parse(readFileSync(join(folder, roleFiles.root), 'utf8'));
const bytes = readFileSync(join(folder, roleFiles.targets));

await reportJob(() => {
  const { signed, signatures }: PlainEnvelope = JSON.parse(bytes.toString('utf8'));
  const [{ keyid, sig } = { keyid: '', sig: '' }] = signatures;
  const raw = Buffer.from(root.signed.keys[keyid].keyval.public, 'hex');
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') },
    format: 'jwk',
  });
  const valid = verify(null, Buffer.from(canonical(signed)), key, Buffer.from(sig, 'hex'));
  if (!valid) throw new Error('The signature is wrong.');
  return `${Object.keys(signed.targets ?? {}).length} targets`;
});

function canonical(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const object = value as Readonly<Record<string, unknown>>;
  let text = '';
  for (const name of Object.keys(object).sort())
    text += `${text === '' ? '' : ','}${quoted(name)}:${canonical(object[name])}`;
  return `{${text}}`;
}

function quoted(text: string): string {
  return `"${/["\\]/.test(text) ? text.replaceAll(/["\\]/g, '\\$&') : text}"`;
}
