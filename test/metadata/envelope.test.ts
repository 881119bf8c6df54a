import assert from 'node:assert/strict';
import { formatEnvelope, parseEnvelope } from '../../src/metadata/envelope.ts';
import { isJsonObject, type JsonObject } from '../../src/metadata/json.ts';
import { jsonOf } from '../../src/metadata/json-writer.ts';
import { limits, refuses } from '../support/trusting.ts';

const read = (text: string | Uint8Array) =>
  parseEnvelope(typeof text === 'string' ? new TextEncoder().encode(text) : text, limits, 'timestamp.json');
const withSignatures = (signatures: string): string => `{"signatures":${signatures},"signed":{}}`;

function object(members: { readonly [name: string]: string | number }): JsonObject {
  const value = jsonOf(members);
  assert.ok(isJsonObject(value));
  return value;
}

describe('metadata/envelope', () => {
  it('reads what it writes', () => {
    const bytes = formatEnvelope(object({ b: 1, a: 'é' }), [{ keyId: 'k', hex: '00ff' }]);
    const envelope = read(bytes);
    assert.deepEqual(envelope.signatures, [{ keyId: 'k', signature: Buffer.from([0, 255]) }]);
    assert.equal(new TextDecoder().decode(envelope.canonical), '{"a":"é","b":1}');
    assert.equal(envelope.file, 'timestamp.json');
    assert.match(new TextDecoder().decode(bytes), /^\{\n {2}"signatures": \[[\s\S]*\n\}\n$/);
  });

  it('PAR-06: signatures that are no list of key ids and texts are refused', () => {
    for (const signatures of ['null', '{}', '"x"', '1', '[1]', '[null]', '[[]]'])
      refuses(() => read(withSignatures(signatures)), 'document-invalid', 'timestamp.json: signatures');
    for (const entry of [
      '{"keyid":"a"}',
      '{"sig":"00"}',
      '{"keyid":1,"sig":"00"}',
      '{"keyid":"a","sig":null}',
    ])
      refuses(() => read(withSignatures(`[${entry}]`)), 'document-invalid', 'signatures[0]');
    refuses(() => read('{"signed":{}}'), 'document-invalid', 'signatures should be a list, found nothing');
    assert.deepEqual(read(withSignatures('[]')).signatures, []);
  });

  it('refuses a document that is no envelope, naming what it found', () => {
    for (const text of ['null', '[]', '1', '"x"'])
      refuses(() => read(text), 'document-invalid', 'should be an object');
    refuses(() => read('{"signatures":[]}'), 'document-invalid', 'signed should be an object, found nothing');
    refuses(() => read('{"signatures":[],"signed":[]}'), 'document-invalid', 'found a list');
    refuses(() => read('{"signatures":[],"signed":null}'), 'document-invalid', 'found null');
    refuses(() => read('{"signatures":[],"signed":"a\\nb"}'), 'document-invalid', 'found "a\\nb"');
  });

  it('SPEC-6, PAR-01: two entries of one key id are refused, whatever they hold', () => {
    refuses(
      () =>
        read(withSignatures('[{"keyid":"a","sig":"00"},{"keyid":"b","sig":"00"},{"keyid":"a","sig":""}]')),
      'duplicate-signature',
      'key id a',
    );
  });

  it('SPEC-7: a signature that is not hexadecimal is kept as none; placeholders do no harm', () => {
    const [first, second, third] = read(
      withSignatures(
        '[{"keyid":"a","sig":""},{"keyid":"b","sig":"q83vEjQ="},{"keyid":"c","sig":"AbCd","note":1}]',
      ),
    ).signatures;
    assert.equal(first?.signature, undefined);
    assert.equal(second?.signature, undefined);
    assert.deepEqual(third?.signature, Buffer.from([0xab, 0xcd]));
  });

  it('PAR-34: 10,000 signatures are too many', () => {
    const many = Array.from({ length: 10_000 }, (_, index) => `{"keyid":"${index}","sig":"00"}`);
    refuses(() => read(withSignatures(`[${many.join(',')}]`)), 'count-limit', '10000 signatures');
  });

  it('TUF-34: a web page is called one', () => {
    for (const page of ['<!DOCTYPE html><html>', '\n  <html>', '\ufeff<html>', '<?xml version="1.0"?>'])
      refuses(() => read(page), 'not-metadata', 'timestamp.json', 'captive portal');
  });
});
