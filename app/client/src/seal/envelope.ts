import { createSignableMessage, getAddressEncoder, type Address, type MessagePartialSigner } from "@solana/kit";
import { MillraceError } from "../errors/MillraceError.js";
import { MILLRACE_PROGRAM_ADDRESS } from "../generated/programs/index.js";
import { isSignedBy } from "../signature.js";
import { text } from "../spec/canonical.js";
import { encrypt } from "./file.js";
import { recipientOf } from "./keys.js";
import { canonicalSecrets, type Secrets } from "./secrets.js";

const DOMAIN = new TextEncoder().encode("millrace envelope v1");
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** The most bytes of an envelope. */
export const LARGEST_ENVELOPE = 1024 * 1024;

/**
 * The one place an envelope is good for. A lease's address holds the slot in which its job was opened, so an envelope
 * fits neither another job, nor a later one of the same id, nor another lease on the same node.
 */
export interface Binding {
  /** This package's program when left out. */
  readonly program?: Address;
  readonly job: Address;
  readonly node: Address;
  readonly lease: Address;
}

/**
 * Seals secrets to a node for one lease, signed by who opened the job: its buyer, or the delegate. `nodeKey` is the key
 * that the node's account has on chain; `sealForLease` reads it there. Throws `seal-key-weak`, `secrets-too-large`,
 * `envelope-too-large`, `identity-malformed`, `signature-missing`, `signature-foreign`, and whatever the signer throws.
 */
export async function seal(
  secrets: Secrets,
  binding: Binding,
  nodeKey: Address,
  opener: MessagePartialSigner,
): Promise<Uint8Array> {
  const recipient = recipientOf(nodeKey);
  const content = new TextEncoder().encode(canonicalContent(binding, secrets));
  const signed = joined(DOMAIN, content);
  const [signatures] = await opener.signMessages([createSignableMessage(signed)]);
  const signature = signatures?.[opener.address];
  if (signature?.length !== SIGNATURE_BYTES) throw new MillraceError("signature-missing");
  // Some wallets sign a text around the message, which the rig would refuse.
  if (!isSignedBy(opener.address, signed, Uint8Array.from(signature))) throw new MillraceError("signature-foreign");
  const key = Uint8Array.from(getAddressEncoder().encode(opener.address)).subarray(0, KEY_BYTES);
  const { bytes } = await encrypt(recipient, joined(key, signature, content));
  if (bytes.length > LARGEST_ENVELOPE) {
    const message = `an envelope of ${bytes.length} bytes is too large`;
    throw new MillraceError("envelope-too-large", { message });
  }
  return bytes;
}

function canonicalContent(binding: Binding, secrets: Secrets): string {
  const { program = MILLRACE_PROGRAM_ADDRESS, job, node, lease } = binding;
  const place = `{"program":${text(program)},"job":${text(job)},"node":${text(node)},"lease":${text(lease)}}`;
  return `{"binding":${place},"secrets":${canonicalSecrets(secrets)}}`;
}

function joined(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
