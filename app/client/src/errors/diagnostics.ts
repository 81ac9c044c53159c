import { PROGRAM_DIAGNOSTICS } from "../generated/diagnostics.js";

/** Refusals of the chain around the program, and of this package before anything is sent. */
export const CLIENT_DIAGNOSTICS = {
  "account-missing": {
    cause: "an account that it needs does not exist",
    hint: "check the addresses and the network; what has ended has no account any more",
  },
  "account-unreadable": {
    cause: "the account is of another kind or version",
    hint: "check the address, or upgrade this package",
  },
  "accounts-mismatch": {
    cause: "its accounts do not fit",
    hint: "read the accounts again: one has changed since the transaction was built",
  },
  "already-exists": {
    cause: "an account that it would create exists already",
    hint: "it was done before: look at the account, or choose another id",
  },
  "amount-malformed": {
    cause: "the text is not an amount",
    hint: "write USDC with at most six decimals, such as `2.50`",
  },
  "insufficient-sol": {
    cause: "the SOL it needs for rent and fees is not there",
    hint: "fund the wallet with SOL for rent and fees and try again",
  },
  "insufficient-usdc": {
    cause: "the tokens it would move are not there",
    hint: "fund the wallet's USDC account and try again",
  },
  "rpc-rejected": {
    cause: "the endpoint refuses the request",
    hint: "use another RPC endpoint: this one lacks the method or limits it",
  },
  "rpc-unreachable": {
    cause: "the endpoint does not answer",
    hint: "check that the endpoint is the network you mean, or start one here with `millrace localnet up`",
  },
  "signature-missing": {
    cause: "a signer of the transaction is missing",
    hint: "pass a signer, not only an address, for each account that signs",
  },
  "transaction-expired": {
    cause: "the transaction expired before any leader took it",
    hint: "send it again: nothing has happened",
  },
  "transaction-refused": {
    cause: "the chain refuses the transaction",
    hint: "see the transaction's logs",
  },
  "wait-over": {
    cause: "it did not happen in the time given",
    hint: "look at the job's deadlines: each of them can be pushed by anyone",
  },
} as const;

/** Stable identifiers of everything the program refuses with. */
export type ProgramErrorCode = (typeof PROGRAM_DIAGNOSTICS)[keyof typeof PROGRAM_DIAGNOSTICS]["code"];
/** Stable identifiers of everything else. */
export type ClientErrorCode = keyof typeof CLIENT_DIAGNOSTICS;
export type ErrorCode = ProgramErrorCode | ClientErrorCode;

interface Known {
  readonly cause: string;
  readonly hint: string;
}

const ALL = new Map<string, Known>(Object.entries(CLIENT_DIAGNOSTICS));
for (const { code, cause, hint } of Object.values(PROGRAM_DIAGNOSTICS)) ALL.set(code, { cause, hint });

/** What is known about a code: its cause and what to do about it. */
export function diagnostic(code: ErrorCode): Known {
  return ALL.get(code)!;
}
