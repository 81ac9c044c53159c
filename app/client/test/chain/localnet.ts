// A local network of its own per test: `millrace localnet up` on free ports.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKeyPairSignerFromBytes, type Address, type KeyPairSigner } from "@solana/kit";
import { connect, type Connection } from "@millrace/client";

/** A wallet, and what it starts with in whole USDC; each gets SOL for its fees. */
export type Purses = ReadonlyMap<Address, number>;

export class Localnet {
  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
    readonly rpcUrl: string,
    readonly wsUrl: string,
    readonly connection: Connection,
    readonly mint: Address,
    /** The only key that may found the network. */
    readonly admin: KeyPairSigner,
  ) {}

  static async start(purses: Purses): Promise<Localnet> {
    const binary = process.env["MILLRACE_BIN"];
    if (!binary) throw new Error("set MILLRACE_BIN to the millrace binary; `./dev test` builds it and does");
    const folder = await mkdtemp(join(tmpdir(), "millrace-client-"));
    const keypair = join(folder, "admin.json");
    const funding = [...purses].flatMap(([wallet, usdc]) => ["--fund", `${wallet}=${usdc}`]);
    const ports = ["--rpc-port", "0", "--ws-port", "0", "--slot", "50ms"];
    const args = ["--json", "localnet", "up", ...ports, "--admin-keypair", keypair, ...funding];
    const child = spawn(binary, args, { stdio: ["ignore", "pipe", "inherit"] });
    // Nothing that fails leaves it running.
    process.once("exit", () => child.kill());
    const up = await report(child);
    const [rpcUrl, wsUrl] = [up["rpc_url"]!, up["ws_url"]!];
    const connection = connect({ rpcUrl, wsUrl });
    const bytes = Uint8Array.from(JSON.parse(await readFile(keypair, "utf8")) as number[]);
    const admin = await createKeyPairSignerFromBytes(bytes);
    return new Localnet(child, folder, rpcUrl, wsUrl, connection, up["usdc_mint"] as Address, admin);
  }

  /** Moves the chain's clock ahead, as nothing but a local network can. */
  async pass(seconds: bigint): Promise<void> {
    const absoluteTimestamp = Number(((await this.now()) + seconds) * 1_000n);
    const request = { jsonrpc: "2.0", id: 1, method: "surfnet_timeTravel", params: [{ absoluteTimestamp }] };
    const headers = { "content-type": "application/json" };
    const response = await fetch(this.rpcUrl, { method: "POST", headers, body: JSON.stringify(request) });
    const answer = (await response.json()) as { error?: unknown };
    if (answer.error) throw new Error(JSON.stringify(answer.error));
  }

  /** The chain's own time in Unix seconds. */
  async now(): Promise<bigint> {
    const clock = "SysvarC1ock11111111111111111111111111111111" as Address;
    const { value } = await this.connection.rpc.getAccountInfo(clock, { encoding: "base64" }).send();
    return Buffer.from(value!.data[0], "base64").readBigInt64LE(32);
  }

  async stop(): Promise<void> {
    const ended = once(this.process, "exit");
    this.process.kill("SIGINT");
    await ended;
    await rm(this.folder, { recursive: true });
  }
}

/** The first JSON document that the process prints. */
async function report(child: ChildProcess): Promise<Record<string, string>> {
  let text = "";
  for await (const chunk of child.stdout!) {
    text += chunk;
    try {
      return JSON.parse(text) as Record<string, string>;
    } catch {
      // Not whole yet.
    }
  }
  throw new Error("the local network did not come up");
}
