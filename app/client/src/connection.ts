import {
  createSolanaRpc,
  createSolanaRpcSubscriptions,
  type Commitment,
  type Rpc,
  type RpcSubscriptions,
  type SolanaRpcApi,
  type SolanaRpcSubscriptionsApi,
} from "@solana/kit";

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
    rpc: createSolanaRpc(rpcUrl),
    // Every endpoint is of one cluster or another; kit's types only keep devnet and mainnet apart.
    rpcSubscriptions: createSolanaRpcSubscriptions(wsUrl),
    commitment,
  };
}
