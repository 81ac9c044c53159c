import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import {
  createKeyPairSignerFromPrivateKeyBytes,
  createSignableMessage,
  getAddressDecoder,
  type Address,
} from "@solana/kit";
import { MillraceError } from "@millrace/client";
import {
  dataKey,
  decrypt,
  decryptStream,
  encrypt,
  encryptStream,
  freshSalt,
  identityOf,
  LARGEST_ENVELOPE,
  LARGEST_SECRET_FILES,
  recipientOf,
  recipientOfIdentity,
  seal,
  type Secrets,
} from "@millrace/client/seal";
import { fromHex, toHex, vectors } from "./vectors.js";

interface Both {
  readonly sealed: string;
  readonly opened: string;
}

interface Sealed {
  readonly binding: Record<"program" | "job" | "node" | "lease", Address>;
  readonly buyer: string;
  readonly dataKeys: readonly { secret: string; salt: string; recipient: string }[];
  readonly envelope: Both;
  readonly keys: readonly { secret: string; key: Address; recipient: string }[];
  readonly node: string;
  readonly output: Both;
  readonly secrets: {
    readonly files: Record<string, string>;
    readonly inputs: { readonly key: string; readonly plain: Record<string, { sha256: string; size: number }> };
    readonly registry: { readonly host: string; readonly username: string; readonly password: string };
  };
  readonly weak: readonly Address[];
}

/** What Rust's test opens. */
interface ByTypeScript {
  readonly envelope: string;
  readonly input: string;
}

const BY_TYPESCRIPT = "../../tests/vectors/sealed-by-typescript.json";
/** Of the pieces in which files are encrypted. */
const [PIECE, TAG] = [64 * 1024, 16];
const golden = await vectors<Sealed>("sealed");
const buyer = await createKeyPairSignerFromPrivateKeyBytes(fromHex(golden.buyer));
const node = await createKeyPairSignerFromPrivateKeyBytes(fromHex(golden.node));

/** The vector's, in any other order of names. */
function secrets(): Secrets {
  const { files, inputs, registry } = golden.secrets;
  const plain = Object.entries(inputs.plain).map(([path, object]) => [path, { ...object, size: BigInt(object.size) }]);
  const contents = Object.entries(files).map(([name, content]) => [name, fromHex(content)]);
  return {
    registry,
    inputs: { plain: Object.fromEntries(plain.reverse()), key: inputs.key },
    files: Object.fromEntries(contents.reverse()),
  };
}

function refused(code: string) {
  return (error: unknown) => error instanceof MillraceError && error.code === code;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof MillraceError) return error.code;
    throw error;
  }
  return "none";
}

test("recipients and data keys are Rust's, from either side of a key", async () => {
  for (const { secret, key, recipient } of golden.keys) {
    assert.equal(recipientOf(key), recipient);
    assert.equal(await recipientOfIdentity(identityOf(fromHex(secret))), recipient);
  }
  for (const { secret, salt, recipient } of golden.dataKeys) {
    assert.equal(await recipientOfIdentity(dataKey(fromHex(secret), fromHex(salt))), recipient);
  }
  assert.equal(dataKey(fromHex(golden.dataKeys[0]!.secret), fromHex(golden.dataKeys[0]!.salt)), secrets().inputs!.key);
  assert.notDeepEqual(freshSalt(), freshSalt());
});

test("nothing is sealed to a key that anybody has, or that is none", () => {
  assert.ok(golden.weak.length >= 4);
  for (const key of golden.weak) assert.throws(() => recipientOf(key), refused("seal-key-weak"), key);
});

test("what Rust has sealed opens", async () => {
  const identity = identityOf(fromHex(golden.buyer));
  assert.equal(toHex(await decrypt(identity, fromHex(golden.output.sealed))), golden.output.opened);
  const envelope = await decrypt(identityOf(fromHex(golden.node)), fromHex(golden.envelope.sealed));
  assert.equal(toHex(envelope), golden.envelope.opened);
});

test("an envelope holds the very bytes that Rust's does, and Rust opens the committed one", async () => {
  const identity = identityOf(fromHex(golden.node));
  const { program: _, ...binding } = golden.binding;
  const fresh = await seal(secrets(), binding, node.address, buyer);
  assert.equal(toHex(await decrypt(identity, fresh)), golden.envelope.opened);
  const inputs = await encrypt(await recipientOfIdentity(secrets().inputs!.key), fromHex(golden.output.opened));
  if (process.env["MILLRACE_WRITE_VECTORS"]) {
    const written: ByTypeScript = { envelope: toHex(fresh), input: toHex(inputs.bytes) };
    await writeFile(BY_TYPESCRIPT, `${JSON.stringify(written, null, 2)}\n`);
  }
  const committed = JSON.parse(await readFile(BY_TYPESCRIPT, "utf8")) as ByTypeScript;
  assert.equal(toHex(await decrypt(identity, fromHex(committed.envelope))), golden.envelope.opened);
  assert.equal(toHex(await decrypt(secrets().inputs!.key, fromHex(committed.input))), golden.output.opened);
});

test("no secret is readable on the way, nor in what is thrown", async () => {
  const sealed = Buffer.from(await seal(secrets(), golden.binding, node.address, buyer)).toString("latin1");
  for (const text of ["registry.example", "back\\\\slash", golden.secrets.inputs.key])
    assert.ok(!sealed.includes(text));
  const bad = { inputs: { key: "AGE-SECRET-KEY-1NONSENSE", plain: {} } };
  await assert.rejects(seal(bad, golden.binding, node.address, buyer), (error: MillraceError) => {
    assert.equal(error.code, "identity-malformed");
    return !`${error.message}${error.hint}${String(error.cause)}`.includes("NONSENSE");
  });
});

test("what went in comes out at every size around a piece, and is named as Rust names it", async () => {
  const identity = identityOf(fromHex(golden.buyer));
  for (const size of [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5]) {
    const plain = Uint8Array.from({ length: size }, (_, at) => at % 251);
    const encrypted = await encrypt(recipientOf(buyer.address), plain);
    for (const [object, bytes] of [
      [encrypted.plain, plain],
      [encrypted.sealed, encrypted.bytes],
    ] as const) {
      const digest = await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes));
      assert.deepEqual(object, { sha256: toHex(new Uint8Array(digest)), size: BigInt(bytes.length) });
    }
    assert.deepEqual(await decrypt(identity, encrypted.bytes), plain);
  }
});

test("a changed byte, a missing end and another key are noticed", async () => {
  const identity = identityOf(fromHex(golden.buyer));
  const { bytes: whole } = await encrypt(recipientOf(buyer.address), new Uint8Array(2 * PIECE).fill(7));
  const header = whole.length - 2 * (PIECE + TAG);
  for (const at of [0, header - 20, header, header + PIECE, whole.length - 1]) {
    const changed = Uint8Array.from(whole);
    changed[at]! ^= 1;
    assert.equal(await codeOf(decrypt(identity, changed)), "sealed-damaged", `${at}`);
  }
  // Also exactly between two pieces, and before the first.
  for (const length of [0, 10, header - 16, header, header + PIECE + TAG, whole.length - 1]) {
    assert.equal(await codeOf(decrypt(identity, whole.subarray(0, length))), "sealed-damaged", `${length}`);
  }
  const longer = Uint8Array.from([...whole, 0]);
  assert.equal(await codeOf(decrypt(identity, longer)), "sealed-damaged");
  assert.equal(await codeOf(decrypt(identityOf(fromHex(golden.node)), whole)), "sealed-to-another");
  assert.equal(await codeOf(decrypt(identity, new TextEncoder().encode("not age at all"))), "sealed-damaged");
});

test("a stream is encrypted and decrypted piece by piece, and its own failure is not called a forgery", async () => {
  const identity = identityOf(fromHex(golden.buyer));
  const pieces = 40;
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let piece = 0; piece < pieces; piece += 1) controller.enqueue(new Uint8Array(PIECE / 2).fill(piece));
      controller.close();
    },
  });
  const { sealed, objects } = await encryptStream(recipientOf(buyer.address), source);
  const plain = await decryptStream(identity, sealed);
  let size = 0;
  for await (const piece of plain as unknown as AsyncIterable<Uint8Array>) size += piece.length;
  assert.equal(size, (pieces * PIECE) / 2);
  assert.equal((await objects).plain.size, BigInt(size));

  const whole = await encrypt(recipientOf(buyer.address), new Uint8Array(3 * PIECE));
  const broken = new Error("the connection broke");
  for (const length of [20, PIECE + 1_000]) {
    let told = false;
    const breaking = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (told) return controller.error(broken);
        told = true;
        controller.enqueue(whole.bytes.subarray(0, length));
      },
    });
    await assert.rejects(async () => {
      const opened = await decryptStream(identity, breaking);
      for await (const _ of opened as unknown as AsyncIterable<Uint8Array>);
    }, broken);
  }
});

test("what was encrypted is told, or why not, however the stream ends", async () => {
  const broken = new Error("the disk broke");
  const breaking = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(broken) });
  const failed = await encryptStream(recipientOf(buyer.address), breaking);
  await assert.rejects(new Response(failed.sealed as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(), broken);
  await assert.rejects(failed.objects, broken);

  let stopped: unknown;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(PIECE)),
    cancel: (reason) => void (stopped = reason),
  });
  const enough = new Error("enough");
  const left = await encryptStream(recipientOf(buyer.address), endless);
  await left.sealed.cancel(enough);
  await assert.rejects(left.objects, enough);
  assert.equal(stopped, enough);
});

test("nothing more is read of a stream that does not decrypt", async () => {
  const identity = identityOf(fromHex(golden.buyer));
  const foreign = await encrypt(recipientOf(node.address), new Uint8Array(1));
  for (const [start, code] of [
    [foreign.bytes, "sealed-to-another"],
    [new TextEncoder().encode("not age at all\n"), "sealed-damaged"],
  ] as const) {
    let cancelled: unknown;
    const open = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(start),
      pull: (controller) => controller.enqueue(new Uint8Array(PIECE)),
      cancel: (reason) => void (cancelled = reason),
    });
    assert.equal(await codeOf(decryptStream(identity, open)), code);
    assert.ok(cancelled instanceof MillraceError && cancelled.code === code, code);
  }
});

test("what is no recipient or identity is refused, also another kind of age's", async () => {
  const own = recipientOf(buyer.address);
  for (const text of [
    "",
    "age1nonsense",
    own.toUpperCase(),
    own.slice(0, -1),
    `${own} `,
    own.replace("age1", "age1pq1"),
  ]) {
    assert.equal(await codeOf(encrypt(text, new Uint8Array(1))), "recipient-malformed", text);
  }
  const identity = identityOf(fromHex(golden.buyer));
  for (const text of ["", own, identity.toLowerCase(), identity.slice(0, -1)]) {
    assert.equal(await codeOf(decrypt(text, fromHex(golden.output.sealed))), "identity-malformed", text);
    assert.equal(await codeOf(recipientOfIdentity(text)), "identity-malformed", text);
  }
  // The whole of a key file holds the public half as well.
  for (const length of [0, 31, 33, 64]) {
    assert.throws(() => identityOf(new Uint8Array(length)), refused("identity-malformed"));
    assert.throws(() => dataKey(new Uint8Array(length), freshSalt()), refused("identity-malformed"));
    assert.throws(() => dataKey(fromHex(golden.buyer), new Uint8Array(length)), refused("salt-malformed"));
  }
});

test("what is too large is not sealed", async () => {
  const files = (bytes: number) => ({ files: { much: new Uint8Array(bytes) } });
  const whole = await seal(files(LARGEST_SECRET_FILES), golden.binding, node.address, buyer);
  assert.ok(whole.length < LARGEST_ENVELOPE);
  const more = seal(files(LARGEST_SECRET_FILES + 1), golden.binding, node.address, buyer);
  assert.equal(await codeOf(more), "secrets-too-large");
  const login = { host: "registry.example", username: "u", password: "x".repeat(LARGEST_ENVELOPE) };
  assert.equal(await codeOf(seal({ registry: login }, golden.binding, node.address, buyer)), "envelope-too-large");
});

test("a signer that does not sign, or signs something else, seals nothing", async () => {
  const none = { address: buyer.address, signMessages: () => Promise.resolve([{}]) };
  assert.equal(await codeOf(seal(secrets(), golden.binding, node.address, none)), "signature-missing");
  const other = getAddressDecoder().decode(new Uint8Array(32).fill(5));
  const prefixing: typeof buyer.signMessages = (messages) => {
    const around = messages.map(({ content }) => createSignableMessage(Uint8Array.from([1, ...content])));
    return buyer.signMessages(around);
  };
  const talkative = { address: buyer.address, signMessages: prefixing };
  assert.equal(await codeOf(seal(secrets(), golden.binding, node.address, talkative)), "signature-foreign");
  const foreign = { address: other, signMessages: buyer.signMessages };
  assert.equal(await codeOf(seal(secrets(), golden.binding, node.address, foreign)), "signature-missing");
});
