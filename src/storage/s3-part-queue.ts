/** The parts of one upload on their way: a bounded number, in buffers that all uploads to the bucket share. */
import { createHash } from 'node:crypto';
import { s3Key } from './s3-address.ts';
import type { S3Calls } from './s3-calls.ts';
import type { Part } from './s3-parts.ts';
import { signedHash } from './s3-write.ts';

export interface QueueSizes {
  /** Bytes of a part. */
  readonly size: number;
  /** Parts on their way at once. */
  readonly most: number;
}

export class PartQueue {
  readonly #calls: S3Calls;
  readonly #upload: { readonly name: string; readonly id: string };
  readonly #sizes: QueueSizes;
  /** Ends the parts on their way when one has failed. */
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #sent: Promise<Part>[] = [];
  readonly #active = new Set<Promise<unknown>>();
  #failure: { readonly error: unknown } | undefined;
  #buffer: Buffer | undefined;
  #filled = 0;

  constructor(
    calls: S3Calls,
    upload: { readonly name: string; readonly id: string },
    sizes: QueueSizes,
    signal: AbortSignal | undefined,
  ) {
    this.#calls = calls;
    this.#upload = upload;
    this.#sizes = sizes;
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  /** Takes the bytes over; waits while too many parts are on their way. */
  async add(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.byteLength; ) {
      this.#buffer ??= await this.#calls.buffers.take(
        this.#sizes.size,
        `uploading ${this.#upload.name}`,
        this.#signal,
      );
      const piece = chunk.subarray(at, at + this.#sizes.size - this.#filled);
      this.#buffer.set(piece, this.#filled);
      at += piece.byteLength;
      this.#filled += piece.byteLength;
      if (this.#filled === this.#sizes.size) await this.#send();
    }
  }

  /** Sends what is left and waits for all. */
  async finish(): Promise<readonly Part[]> {
    if (this.#filled > 0) await this.#send();
    return await Promise.all(this.#sent);
  }

  /** Ends whatever is still on its way, and waits until it has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#active);
    if (this.#buffer !== undefined) this.#calls.buffers.give(this.#buffer, true);
    this.#buffer = undefined;
  }

  async #send(): Promise<void> {
    const buffer = this.#buffer ?? Buffer.alloc(0);
    const bytes = buffer.subarray(0, this.#filled);
    this.#buffer = undefined;
    this.#filled = 0;
    const part = this.#sendPart(this.#sent.length + 1, bytes);
    this.#sent.push(part);
    const settled = part
      .then(() => this.#calls.buffers.give(buffer, true))
      .catch((error: unknown) => {
        // Given up on the way, something may still send from it.
        this.#calls.buffers.give(buffer, false);
        this.#failure ??= { error };
        this.#stop.abort();
      })
      .finally(() => this.#active.delete(settled));
    this.#active.add(settled);
    while (this.#active.size >= this.#sizes.most) await Promise.race(this.#active);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #sendPart(number: number, bytes: Uint8Array): Promise<Part> {
    const { address } = this.#calls.connection;
    const { name, id } = this.#upload;
    const digest = createHash('sha256').update(bytes).digest();
    const sha256 = digest.toString('base64');
    const input = {
      Bucket: address.bucket,
      Key: s3Key(address, name),
      UploadId: id,
      PartNumber: number,
      Body: bytes,
      ContentLength: bytes.byteLength,
      ...(address.checksums === 'sha256' && { ChecksumSHA256: sha256 }),
    };
    const { ETag: etag = '' } = await this.#calls.repeat(
      `uploading part ${number} of ${name}`,
      (client, sdk, options) => {
        const command = new sdk.UploadPartCommand(input);
        command.middlewareStack.add(signedHash(digest.toString('hex')), {
          step: 'build',
          name: 'tidegateSignedHash',
        });
        return client.send(command, options);
      },
      this.#signal,
    );
    return { number, etag, sha256 };
  }
}
