import { ed25519 } from "@noble/curves/ed25519.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { bech32 } from "@scure/base";
import { getAddressEncoder, type Address, type ReadonlyUint8Array } from "@solana/kit";
import { identityToRecipient } from "age-encryption";
import { MillraceError } from "../errors/MillraceError.js";

const DATA_KEY_DOMAIN = new TextEncoder().encode("millrace data key v1");
const RECIPIENT = "age";
const IDENTITY = "age-secret-key-";
const KEY_BYTES = 32;

/**
 * The age X25519 recipient of a node's or wallet's Ed25519 key: the same point on the curve's Montgomery form
 * (RFC 7748, 4.1). A node publishes nothing for it, its key stands on chain. Throws `seal-key-weak` for what is no
 * point of the curve, or one whose secrets anybody could compute.
 */
export function recipientOf(key: Address): string {
  const bytes = Uint8Array.from(getAddressEncoder().encode(key));
  try {
    if (!ed25519.Point.fromBytes(bytes).isSmallOrder()) {
      return bech32.encodeFromBytes(RECIPIENT, ed25519.utils.toMontgomery(bytes));
    }
  } catch (cause) {
    throw new MillraceError("seal-key-weak", { message: unsealable(key), cause });
  }
  throw new MillraceError("seal-key-weak", { message: unsealable(key) });
}

/**
 * The age identity that opens what was sealed to the recipient of a key. `secret` is the 32 bytes of the Ed25519
 * secret, the first half of what a Solana key file holds. Whoever has the identity reads everything sealed to the key:
 * show it to nobody. Throws `identity-malformed`.
 */
export function identityOf(secret: ReadonlyUint8Array): string {
  return identity(sha512(seed(secret)).subarray(0, KEY_BYTES));
}

/** The recipient that belongs to an age identity, such as a data key. Throws `identity-malformed`. */
export async function recipientOfIdentity(identity: string): Promise<string> {
  return identityToRecipient(checkedIdentity(identity));
}

/**
 * The age identity of one job's encrypted inputs, from the 32 secret bytes of the wallet that opens it and the 32 of
 * the salt in `sealed.inputs` of its spec (HKDF-SHA256, RFC 5869): the wallet finds it again, and need not keep it.
 * Throws `identity-malformed`, `salt-malformed`.
 */
export function dataKey(secret: ReadonlyUint8Array, salt: ReadonlyUint8Array): string {
  if (salt.length !== KEY_BYTES) throw new MillraceError("salt-malformed");
  return identity(hkdf(sha256, seed(secret), Uint8Array.from(salt), DATA_KEY_DOMAIN, KEY_BYTES));
}

/** 32 bytes for `sealed.inputs`, as hex, that no other job has. */
export function freshSalt(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES));
}

/** The text, where it is an age X25519 recipient. Throws `recipient-malformed`. */
export function checkedRecipient(text: string): string {
  if (bytesOf(text, RECIPIENT)) return text;
  throw new MillraceError("recipient-malformed", { message: `\`${text}\` is no age recipient such as \`age1…\`` });
}

/** The text, where it is an age X25519 identity. Throws `identity-malformed`, which does not show it. */
export function checkedIdentity(text: string): string {
  if (text === text.toUpperCase() && bytesOf(text.toLowerCase(), IDENTITY)) return text;
  throw new MillraceError("identity-malformed");
}

function bytesOf(text: string, prefix: string): Uint8Array | undefined {
  try {
    const decoded = bech32.decodeToBytes(text);
    const fits = text === text.toLowerCase() && decoded.prefix === prefix && decoded.bytes.length === KEY_BYTES;
    return fits ? decoded.bytes : undefined;
  } catch {
    return undefined;
  }
}

function seed(secret: ReadonlyUint8Array): Uint8Array {
  // Of a key file's 64 bytes, the second half is public: nobody is to seal to that.
  if (secret.length !== KEY_BYTES) throw new MillraceError("identity-malformed");
  return Uint8Array.from(secret);
}

function identity(scalar: Uint8Array): string {
  return bech32.encodeFromBytes(IDENTITY, scalar).toUpperCase();
}

function unsealable(key: Address): string {
  return `nothing can be sealed to key ${key}: it is no key, or one that anybody has`;
}
