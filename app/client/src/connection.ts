import {
  createDefaultRpcTransport,
  createSolanaRpcFromTransport,
  createSolanaRpcSubscriptions,
  isSolanaError,
  type Commitment,
  type Rpc,
  type RpcSubscriptions,
  type RpcTransport,
  type SolanaRpcApi,
  type SolanaRpcSubscriptionsApi,
} from "@solana/kit";
import { MillraceError } from "./errors/MillraceError.js";

/** A network to talk to. */
export interface Connection {
  readonly rpc: Rpc<SolanaRpcApi>;
  readonly rpcSubscriptions: RpcSubscriptions<SolanaRpcSubscriptionsApi>;
  /** How final what is read, and what is waited for, must be. */
  readonly commitment: Commitment;
}

export interface Endpoints {
  /** `http://` or `https://`. */
  readonly rpcUrl: string;
  /** `ws://` or `wss://`. */
  readonly wsUrl: string;
  /** `confirmed` when left out. */
  readonly commitment?: Commitment;
}

/** Opens nothing yet: requests and subscriptions connect when they are made. */
export function connect({ rpcUrl, wsUrl, commitment = "confirmed" }: Endpoints): Connection {
  return {
    rpc: createSolanaRpcFromTransport(telling(createDefaultRpcTransport({ url: rpcUrl }))),
    // Every endpoint is of one cluster or another; kit's types only keep devnet and mainnet apart.
    rpcSubscriptions: createSolanaRpcSubscriptions(wsUrl),
    commitment,
  };
}

/** What `fetch` throws where nothing answers is told from anything else by its place alone: its text is each browser's. */
function telling(transport: RpcTransport): RpcTransport {
  return async <T>(request: Parameters<RpcTransport>[0]) => {
    try {
      return await transport<T>(request);
    } catch (cause) {
      if (isSolanaError(cause) || request.signal?.aborted) throw cause;
      throw new MillraceError("rpc-unreachable", { cause });
    }
  };
}
