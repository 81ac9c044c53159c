import {
  getAddressEncoder,
  signBytes,
  type Address,
  type Instruction,
  type ReadonlyUint8Array,
  type SignatureBytes,
} from "@solana/kit";
import { MILLRACE_PROGRAM_ADDRESS } from "./generated/programs/index.js";

/** First bytes of every voucher, so that its signature can serve no other purpose. */
const DOMAIN = new TextEncoder().encode("millrace voucher v1");
/** Of an encoded voucher, in bytes. */
const LENGTH = DOMAIN.length + 32 + 32 + 8 + 8 + 8 + 1 + 1 + 32;

export const ED25519_PROGRAM_ADDRESS = "Ed25519SigVerify111111111111111111111111111" as Address;

/** The attestor's cumulative word on how long a lease has run; only the latest matters. */
export interface Voucher {
  /** This package's program when left out. */
  readonly program?: Address;
  readonly lease: Address;
  /** Strictly grows, from 1. */
  readonly sequence: bigint;
  /** Attested running time since the lease was opened. */
  readonly meteredSeconds: bigint;
  /** Time in which the node should have run and did not. */
  readonly downtimeSeconds: bigint;
  /** No voucher follows: the lease ends with this one. */
  readonly isFinal: boolean;
  /** Position in `EXIT_CLASSES`; only a final voucher's counts. */
  readonly exitClass: number;
  /** 32 bytes: Merkle root over the lease's outputs, zeros before the final voucher. */
  readonly resultRoot: ReadonlyUint8Array;
}

export interface SignedVoucher {
  readonly voucher: Voucher;
  readonly attestor: Address;
  readonly signature: SignatureBytes;
}

/** The bytes the attestor signs; integers are little endian. */
export function encodeVoucher(voucher: Voucher): Uint8Array {
  const bytes = new Uint8Array(LENGTH);
  const view = new DataView(bytes.buffer);
  const address = getAddressEncoder();
  bytes.set(DOMAIN);
  let at = DOMAIN.length;
  for (const key of [voucher.program ?? MILLRACE_PROGRAM_ADDRESS, voucher.lease]) {
    bytes.set(address.encode(key), at);
    at += 32;
  }
  for (const value of [voucher.sequence, voucher.meteredSeconds, voucher.downtimeSeconds]) {
    view.setBigUint64(at, value, true);
    at += 8;
  }
  bytes[at] = voucher.isFinal ? 1 : 0;
  bytes[at + 1] = voucher.exitClass;
  bytes.set(voucher.resultRoot, at + 2);
  return bytes;
}

/** Attests: what a job's attestor, the scheduler unless its buyer named another, does at each heartbeat. */
export async function signVoucher(voucher: Voucher, attestor: Address, key: CryptoKey): Promise<SignedVoucher> {
  return { voucher, attestor, signature: await signBytes(key, encodeVoucher(voucher)) };
}

const KEY_AT = 16;
const SIGNATURE_AT = KEY_AT + 32;
const MESSAGE_AT = SIGNATURE_AT + 64;
const THIS_INSTRUCTION = 0xffff;

/**
 * The signature check that must stand right before `settle` in the same transaction. The program accepts
 * this layout and no other: one signature, with key, signature and message inside this instruction.
 */
export function signatureCheck({ voucher, attestor, signature }: SignedVoucher): Instruction {
  const data = new Uint8Array(MESSAGE_AT + LENGTH);
  const view = new DataView(data.buffer);
  data[0] = 1;
  const offsets = [SIGNATURE_AT, THIS_INSTRUCTION, KEY_AT, THIS_INSTRUCTION, MESSAGE_AT, LENGTH, THIS_INSTRUCTION];
  offsets.forEach((offset, index) => view.setUint16(2 + 2 * index, offset, true));
  data.set(getAddressEncoder().encode(attestor), KEY_AT);
  data.set(signature, SIGNATURE_AT);
  data.set(encodeVoucher(voucher), MESSAGE_AT);
  return { programAddress: ED25519_PROGRAM_ADDRESS, accounts: [], data };
}
