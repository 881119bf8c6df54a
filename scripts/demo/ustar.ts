/**
 * A deterministic archive: the same entries give the same bytes, on any machine, at any time. The form is
 * POSIX ustar; a name that does not fit in its 100 + 155 bytes gets a pax record before it.
 *
 * What differs between two installations of the same files is left out: times are 0, owners are 0 without a name,
 * and modes are only "executable" or not.
 */

export interface FileEntry {
  readonly type: 'file';
  readonly name: string;
  readonly length: number;
  readonly executable: boolean;
  read(): Uint8Array;
}

export interface LinkEntry {
  readonly type: 'link';
  readonly name: string;
  readonly to: string;
}

export type ArchiveEntry = FileEntry | LinkEntry;

const blockLength = 512;
const nameLength = 100;
const prefixLength = 155;

/** Sorted by name, whatever order they were found in; the end is two empty blocks. */
export function* archive(entries: Iterable<ArchiveEntry>): Generator<Uint8Array, void> {
  const sorted = [...entries].sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const entry of sorted) {
    const length = entry.type === 'file' ? entry.length : 0;
    const place = placeOf(entry.name);
    if (place === undefined) yield paxRecord(entry.name);
    yield header(place ?? { prefix: '', name: shortened(entry.name) }, entry, length);
    if (entry.type === 'link') continue;
    const bytes = entry.read();
    if (bytes.byteLength !== length) {
      throw new Error(`${entry.name} changed while it was packed: ${bytes.byteLength} bytes, not ${length}`);
    }
    yield bytes;
    yield new Uint8Array(padding(length));
  }
  yield new Uint8Array(2 * blockLength);
}

interface Place {
  readonly prefix: string;
  readonly name: string;
}

/** The name in the two fields of a header; undefined when it does not fit. */
function placeOf(name: string): Place | undefined {
  if (Buffer.byteLength(name) <= nameLength) return { prefix: '', name };
  for (let slash = name.indexOf('/'); slash > 0; slash = name.indexOf('/', slash + 1)) {
    const place = { prefix: name.slice(0, slash), name: name.slice(slash + 1) };
    if (Buffer.byteLength(place.name) > nameLength) continue;
    return Buffer.byteLength(place.prefix) <= prefixLength && place.name !== '' ? place : undefined;
  }
  return undefined;
}

/** For readers that do not know pax, which then see a name that is cut but never wrong bytes. */
function shortened(name: string): string {
  return Buffer.from(name)
    .subarray(-nameLength)
    .toString('latin1')
    .replaceAll(/[^ -~]/g, '_');
}

function header(place: Place, entry: ArchiveEntry | 'pax', length: number): Uint8Array {
  const block = Buffer.alloc(blockLength);
  const executable = entry !== 'pax' && (entry.type === 'link' || entry.executable);
  block.write(place.name, 0, nameLength);
  writeOctal(block, 100, 8, executable ? 0o755 : 0o644);
  writeOctal(block, 108, 8, 0);
  writeOctal(block, 116, 8, 0);
  writeOctal(block, 124, 12, length);
  writeOctal(block, 136, 12, 0);
  block.write(entry === 'pax' ? 'x' : entry.type === 'link' ? '2' : '0', 156);
  if (entry !== 'pax' && entry.type === 'link') writeLinkTarget(block, entry);
  block.write('ustar\u000000', 257);
  block.write(place.prefix, 345, prefixLength);
  writeOctal(block, 148, 8, checksum(block));
  return block;
}

function writeLinkTarget(block: Buffer, { name, to }: LinkEntry): void {
  if (Buffer.byteLength(to) > nameLength)
    throw new Error(`${name}: links to a name of more than ${nameLength} bytes`);
  block.write(to, 157, nameLength);
}

/** The sum of all bytes, with the field of the sum itself counted as eight spaces. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (const byte of block) sum += byte;
  return sum;
}

function writeOctal(block: Buffer, at: number, width: number, value: number): void {
  block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, width, 'latin1');
}

/** "LENGTH path=NAME\n", where LENGTH counts its own digits too. */
function paxRecord(name: string): Uint8Array {
  const rest = Buffer.byteLength(` path=${name}\n`);
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  const text = Buffer.from(`${length} path=${name}\n`);
  const head = header({ prefix: '', name: 'pax-record' }, 'pax', text.byteLength);
  return Buffer.concat([head, text, new Uint8Array(padding(text.byteLength))]);
}

function padding(length: number): number {
  return (blockLength - (length % blockLength)) % blockLength;
}
