import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { Decrypter, Encrypter, type Identity, type Stanza } from "age-encryption";
import { MillraceError } from "../errors/MillraceError.js";
import type { ObjectRef } from "../spec/jobSpec.js";
import { checkedIdentity, checkedRecipient } from "./keys.js";

/** What went in and what came out, as a job's spec (`sealed`) and its secrets (`plain`) name them. */
export interface EncryptedObjects {
  readonly plain: ObjectRef;
  readonly sealed: ObjectRef;
}

/** Encrypts bytes to an age recipient. Throws `recipient-malformed`. */
export async function encrypt(
  recipient: string,
  plain: Uint8Array,
): Promise<EncryptedObjects & { readonly bytes: Uint8Array }> {
  const { sealed: stream, objects } = await encryptStream(recipient, streamOf(plain));
  const bytes = await collect(stream);
  return { bytes, ...(await objects) };
}

/**
 * Encrypts a stream of any length. `objects` is known once `sealed` was read to its end, and fails as `plain` does, or with
 * the reason for which `sealed` was cancelled. Throws `recipient-malformed`.
 */
export async function encryptStream(
  recipient: string,
  plain: ReadableStream<Uint8Array>,
): Promise<{ readonly sealed: ReadableStream<Uint8Array>; readonly objects: Promise<EncryptedObjects> }> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(checkedRecipient(recipient));
  const before = hashed(plain);
  const after = hashed(await encrypter.encrypt(before.stream));
  const objects = Promise.all([before.object, after.object]).then(([plain, sealed]) => ({ plain, sealed }));
  // Who reads `sealed` alone learns of a failure there.
  objects.catch(() => undefined);
  return { sealed: after.stream, objects };
}

/** Decrypts bytes, all or nothing. Throws `sealed-to-another`, `sealed-damaged`, `identity-malformed`. */
export async function decrypt(identity: string, sealed: Uint8Array): Promise<Uint8Array> {
  return collect(await decryptStream(identity, streamOf(sealed)));
}

/**
 * Decrypts a stream of any length, piece by piece: each is whole and genuine before it is handed out, and one that was
 * broken off fails at its end, so keep what came before only once the end was reached. Throws, also while it is read,
 * `sealed-to-another`, `sealed-damaged`, `identity-malformed`, and whatever `sealed` fails with; what it does not decrypt
 * it reads no further.
 */
export async function decryptStream(
  identity: string,
  sealed: ReadableStream<Uint8Array>,
): Promise<ReadableStream<Uint8Array>> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(checkedIdentity(identity));
  const nobodys = new NobodysKey();
  decrypter.addIdentity(nobodys);
  const source = new Source(sealed);
  try {
    const opened = await decrypter.decrypt(source.stream);
    return mapped(opened, (error) => source.failureOr("sealed-damaged", error));
  } catch (error) {
    const failure = source.failureOr(nobodys.wasAsked ? "sealed-to-another" : "sealed-damaged", error);
    source.leave(failure);
    throw failure;
  }
}

/** Asked only where no other identity fitted: age's own error tells that by its text alone. */
class NobodysKey implements Identity {
  wasAsked = false;

  unwrapFileKey(_: Stanza[]): null {
    this.wasAsked = true;
    return null;
  }
}

/** A stream that remembers whether it failed itself: a broken connection is no forgery. */
class Source {
  private failure: { readonly reason: unknown } | undefined;
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly stream: ReadableStream<Uint8Array>;

  constructor(inner: ReadableStream<Uint8Array>) {
    this.reader = inner.getReader();
    this.stream = readBy(this.reader, {
      failed: (reason) => {
        this.failure = { reason };
        return reason;
      },
    });
  }

  failureOr(code: "sealed-to-another" | "sealed-damaged", cause: unknown): unknown {
    return this.failure ? this.failure.reason : new MillraceError(code, { cause });
  }

  /** Lets go of what is not read any more, such as a connection. */
  leave(reason: unknown): void {
    // What has failed cannot be cancelled, and need not.
    this.reader.cancel(reason).catch(() => undefined);
  }
}

/** The same stream, whose failures are others. */
function mapped(inner: ReadableStream<Uint8Array>, failed: (error: unknown) => unknown): ReadableStream<Uint8Array> {
  return readBy(inner.getReader(), { failed });
}

/** The same stream, which tells at its end what it was. */
function hashed(inner: ReadableStream<Uint8Array>): {
  readonly stream: ReadableStream<Uint8Array>;
  readonly object: Promise<ObjectRef>;
} {
  const hasher = sha256.create();
  let size = 0n;
  let settle: { readonly told: (object: ObjectRef) => void; readonly failed: (reason: unknown) => void };
  const object = new Promise<ObjectRef>((told, failed) => (settle = { told, failed }));
  object.catch(() => undefined);
  const stream = readBy(inner.getReader(), {
    passed(bytes) {
      hasher.update(bytes);
      size += BigInt(bytes.length);
    },
    ended: () => settle.told({ sha256: bytesToHex(hasher.digest()), size }),
    failed(reason) {
      settle.failed(reason);
      return reason;
    },
    cancelled: (reason) => settle.failed(reason),
  });
  return { stream, object };
}

interface Watch {
  readonly passed?: (bytes: Uint8Array) => void;
  readonly ended?: () => void;
  /** Says what the stream fails with. */
  readonly failed: (error: unknown) => unknown;
  readonly cancelled?: (reason: unknown) => void;
}

function readBy(reader: ReadableStreamDefaultReader<Uint8Array>, watch: Watch): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          watch.ended?.();
          controller.close();
        } else {
          watch.passed?.(value);
          controller.enqueue(value);
        }
      } catch (error) {
        controller.error(watch.failed(error));
      }
    },
    cancel(reason) {
      watch.cancelled?.(reason);
      return reader.cancel(reason);
    },
  });
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
}
