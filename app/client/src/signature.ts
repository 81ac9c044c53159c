import { ed25519 } from "@noble/curves/ed25519.js";
import { getAddressEncoder, type Address } from "@solana/kit";

/**
 * Whether a signature is a key's, in the strictest reading there is: neither key nor commitment has a part of small
 * order, under which signatures of nobody would pass, and implementations disagree.
 */
export function isSignedBy(key: Address, message: Uint8Array, signature: Uint8Array): boolean {
  const bytes = Uint8Array.from(getAddressEncoder().encode(key));
  try {
    const points = [bytes, signature.subarray(0, 32)].map((point) => ed25519.Point.fromBytes(point));
    if (points.some((point) => point.isSmallOrder() || !point.isTorsionFree())) return false;
    return ed25519.verify(signature, message, bytes, { zip215: false });
  } catch {
    return false;
  }
}
