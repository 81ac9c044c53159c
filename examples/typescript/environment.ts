// Who runs an example, and against which network: the same variables as `millrace` reads.
import { readFile } from "node:fs/promises";
import { createKeyPairSignerFromBytes, type KeyPairSigner } from "@solana/kit";
import { connect, type Connection } from "@millrace/client";

/** The network of MILLRACE_RPC_URL and MILLRACE_WS_URL; a local one when unset. */
export function network(): Connection {
  return connect({
    rpcUrl: process.env["MILLRACE_RPC_URL"] ?? "http://127.0.0.1:8899",
    wsUrl: process.env["MILLRACE_WS_URL"] ?? "ws://127.0.0.1:8900",
  });
}

/** Of MILLRACE_ORCHESTRATOR_URL; a local one when unset. */
export function orchestratorUrl(): string {
  return process.env["MILLRACE_ORCHESTRATOR_URL"] ?? "http://127.0.0.1:8080";
}

/** A wallet in a file as Solana's tools and `millrace key new` write it; MILLRACE_KEYPAIR when not named. */
export async function wallet(path = process.env["MILLRACE_KEYPAIR"]): Promise<KeyPairSigner> {
  return createKeyPairSignerFromBytes(await keyFile(path));
}

/** The 32 secret bytes of such a wallet. */
export async function secretOf(path = process.env["MILLRACE_KEYPAIR"]): Promise<Uint8Array> {
  return (await keyFile(path)).subarray(0, 32);
}

async function keyFile(path: string | undefined): Promise<Uint8Array> {
  if (!path) throw new Error("set MILLRACE_KEYPAIR to the file of your wallet");
  return Uint8Array.from(JSON.parse(await readFile(path, "utf8")) as number[]);
}

/** The argument at a position, after the script's own name. */
export function argument(position: number, name: string): string {
  const value = process.argv[2 + position];
  if (!value) throw new Error(`usage: pass ${name}`);
  return value;
}
