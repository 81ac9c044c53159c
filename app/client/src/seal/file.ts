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

/** Encrypts a stream of any length. `objects` is known once `sealed` was read to its end. Throws `recipient-malformed`. */
export async function encryptStream(
  recipient: string,
  plain: ReadableStream<Uint8Array>,
): Promise<{ readonly sealed: ReadableStream<Uint8Array>; readonly objects: Promise<EncryptedObjects> }> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(checkedRecipient(recipient));
  const [before, after] = [hashing(), hashing()];
  const encrypted = await encrypter.encrypt(plain.pipeThrough(before.through));
  const objects = Promise.all([before.object, after.object]).then(([plain, sealed]) => ({ plain, sealed }));
  return { sealed: encrypted.pipeThrough(after.through), objects };
}

/** Decrypts bytes, all or nothing. Throws `sealed-to-another`, `sealed-damaged`, `identity-malformed`. */
export async function decrypt(identity: string, sealed: Uint8Array): Promise<Uint8Array> {
  return collect(await decryptStream(identity, streamOf(sealed)));
}

/**
 * Decrypts a stream of any length, piece by piece: each is whole and genuine before it is handed out, and one that was
 * broken off fails at its end, so keep what came before only once the end was reached. Throws, also while it is read,
 * `sealed-to-another`, `sealed-damaged`, `identity-malformed`, and whatever `sealed` fails with.
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
    throw source.failureOr(nobodys.wasAsked ? "sealed-to-another" : "sealed-damaged", error);
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
  readonly stream: ReadableStream<Uint8Array>;

  constructor(inner: ReadableStream<Uint8Array>) {
    this.stream = mapped(inner, (reason) => {
      this.failure = { reason };
      return reason;
    });
  }

  failureOr(code: "sealed-to-another" | "sealed-damaged", cause: unknown): unknown {
    return this.failure ? this.failure.reason : new MillraceError(code, { cause });
  }
}

/** The same stream, whose failures are others. */
function mapped(inner: ReadableStream<Uint8Array>, failure: (error: unknown) => unknown): ReadableStream<Uint8Array> {
  const reader = inner.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(failure(error));
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** Passes everything on, and tells at the end what it was. */
function hashing(): {
  readonly through: TransformStream<Uint8Array, Uint8Array>;
  readonly object: Promise<ObjectRef>;
} {
  const hasher = sha256.create();
  let size = 0n;
  let told: (object: ObjectRef) => void;
  const object = new Promise<ObjectRef>((resolve) => (told = resolve));
  const through = new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, controller) {
      hasher.update(bytes);
      size += BigInt(bytes.length);
      controller.enqueue(bytes);
    },
    flush: () => told({ sha256: bytesToHex(hasher.digest()), size }),
  });
  return { through, object };
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
