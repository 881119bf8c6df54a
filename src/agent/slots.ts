/**
 * What the agent needs of a pair of slots, whatever they are made of: files now, partitions later. Types, and the
 * form of a slot's own record of what it holds.
 */
import type { FileHandle } from '../storage/file-system.ts';
import type { Lock } from '../storage/lock.ts';
import type { CancelOptions } from '../storage/store.ts';
import type { ReleaseId } from '../waves/release.ts';
import type { BootFlags, SlotName } from './boot-flags.ts';
import { integer, members, text } from './sealed-file.ts';

/** One image as it lies in its slot, decompressed. */
export interface SlotImage {
  /** In bytes. */
  readonly length: number;
  /** Lower-case hex, of the bytes that were written and read back. */
  readonly sha256: string;
  /** The target path it came from; absent for an image that was there from the start. */
  readonly target?: string;
}

/** What a slot holds, complete and verified. */
export interface SlotContent {
  readonly release: ReleaseId;
  /** By kind: boot, root, hash or image. */
  readonly images: Readonly<Record<string, SlotImage>>;
}

/** Where one image goes: an open file or device that is written and read back through the same handle. */
export interface ImagePlace {
  readonly handle: FileHandle;
  /** For messages. */
  readonly path: string;
  /** Bytes that fit. */
  readonly capacity: number;
  /** Makes what was written and synced findable after a loss of power. */
  settle(length: number): Promise<void>;
  close(): Promise<void>;
}

/** The inactive slot of a pair, looked at and found fit to be written. */
export interface InactiveSlot {
  readonly name: SlotName;
  /** Bytes that all images together may take. */
  readonly capacity: number;
  /** Removes record and images. Its boot flags must be cleared already. */
  empty(): Promise<void>;
  open(kind: string): Promise<ImagePlace>;
  /** Writes the record, once all images are verified. */
  record(content: SlotContent): Promise<void>;
}

export interface Slots {
  /** For messages. */
  readonly location: string;
  /** Keeps other agents out. Codes locked, slot-invalid when there are none. */
  lock(options?: CancelOptions): Promise<Lock>;
  /** Codes slot-invalid when there are none, state-damaged. */
  readFlags(): Promise<BootFlags>;
  writeFlags(flags: BootFlags): Promise<void>;
  /** Undefined when the slot holds nothing complete. A damaged record counts as that in the inactive slot only. */
  readContent(slot: SlotName): Promise<SlotContent | undefined>;
  /** Codes slot-invalid, not-a-plain-file: the slot is not what may be written. Nothing is changed. */
  inactive(): Promise<InactiveSlot>;
}

const BLOCK = 4096;
/** What a slot size must be, for messages. */
export const slotSizeRule = `a positive multiple of ${BLOCK} bytes`;

export function isSlotSize(bytes: number): boolean {
  return Number.isSafeInteger(bytes) && bytes > 0 && bytes % BLOCK === 0;
}

export function parseReleaseId(value: unknown): ReleaseId {
  const { variant, arch, version } = members(value);
  return { variant: text(variant), arch: text(arch), version: text(version) };
}

export function parseContent(value: unknown): SlotContent {
  const { release, images } = members(value);
  const parsed = Object.entries(members(images)).map(([kind, image]): [string, SlotImage] => {
    const { length, sha256, target } = members(image);
    const common = { length: integer(length, 0), sha256: text(sha256) };
    return [kind, target === undefined ? common : { ...common, target: text(target) }];
  });
  return { release: parseReleaseId(release), images: Object.fromEntries(parsed) };
}
