import { PROGRAM_DIAGNOSTICS } from "../generated/diagnostics.js";

const REPORT = "keep what the orchestrator answered, and report it to the network's operator";

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
  "auction-bid-forged": {
    cause: "a bid is not signed by its key",
    hint: REPORT,
  },
  "auction-book-malformed": {
    cause: "a book that no auction can have",
    hint: REPORT,
  },
  "auction-foreign": {
    cause: "the auction is another job's, or another program's",
    hint: REPORT,
  },
  "auction-job-differs": {
    cause: "what the auction tells of the job is not what the chain tells",
    hint: REPORT,
  },
  "auction-lease-differs": {
    cause: "a lease on chain is not the one that was awarded",
    hint: REPORT,
  },
  "auction-not-shown": {
    cause: "a lease was opened on bids that are not shown",
    hint: REPORT,
  },
  "auction-out-of-time": {
    cause: "a lease was opened when its bids were not good",
    hint: REPORT,
  },
  "auction-out-of-turn": {
    cause: "a decision does not follow from the bids",
    hint: REPORT,
  },
  "auction-reputation-differs": {
    cause: "a bidder was counted with another reputation than it had on chain",
    hint: REPORT,
  },
  "auction-root-differs": {
    cause: "the bids do not have the root that is told",
    hint: REPORT,
  },
  "bid-left-out": {
    cause: "your bid is not among the bids",
    hint: "a bid that came late does not count, and the worker's log says so; otherwise keep answer and bid, and report it",
  },
  "bid-malformed": {
    cause: "the text holds no bids",
    hint: "on the rig that has bid, `millrace --json worker bids` writes its bids",
  },
  "bid-not-yours": {
    cause: "your bid is not signed by its node's key, so it proves nothing",
    hint: "pass what `millrace --json worker bids` has written on the bidding rig",
  },
  "bid-of-another-job": {
    cause: "none of the bids is for a lease of this job",
    hint: "pass what `millrace --json worker bids` has written on the rig that has bid for it",
  },
  "envelope-too-large": {
    cause: "the envelope is too large",
    hint: "put what is large into encrypted inputs instead of secrets",
  },
  "history-incomplete": {
    cause: "the endpoint does not tell everything that happened to the job since its opening",
    hint: "use another RPC endpoint, one that keeps the chain's whole history",
  },
  "identity-malformed": {
    cause: "the key is neither an age identity nor the 32 secret bytes of a wallet",
    hint: "pass the first 32 bytes of a Solana key file, or a text such as `AGE-SECRET-KEY-1…`",
  },
  "insufficient-sol": {
    cause: "the SOL it needs for rent and fees is not there",
    hint: "fund the wallet with SOL for rent and fees and try again",
  },
  "insufficient-usdc": {
    cause: "the tokens it would move are not there",
    hint: "fund the wallet's USDC account and try again",
  },
  "lease-foreign": {
    cause: "the lease is another job's",
    hint: "nothing was sealed; do not trust whoever named this lease",
  },
  "lease-over": {
    cause: "the lease has ended, and its rig runs nothing more",
    hint: "nothing was sealed; seal for the lease that the orchestrator names now",
  },
  "orchestrator-foreign": {
    cause: "what answers is no orchestrator of Millrace",
    hint: "check the URL: it is that of the HTTP interface, not the one for workers",
  },
  "orchestrator-refused": {
    cause: "the orchestrator refuses the request",
    hint: "the error's `cause` has the orchestrator's own code and hint",
  },
  "orchestrator-unreachable": {
    cause: "the orchestrator does not answer",
    hint: "check its URL, or start one with `millrace orchestrator run`",
  },
  "provider-unwanted": {
    cause: "a provider that the job does not accept has a lease of it",
    hint: "nothing was sealed; do not trust the job's orchestrator",
  },
  "recipient-malformed": {
    cause: "the text is no age recipient",
    hint: "pass what `recipientOf` gives, or make one with an age tool",
  },
  "rpc-rejected": {
    cause: "the endpoint refuses the request",
    hint: "use another RPC endpoint: this one lacks the method or limits it",
  },
  "rpc-unreachable": {
    cause: "the endpoint does not answer",
    hint: "check that the endpoint is the network you mean, or start one here with `millrace localnet up`",
  },
  "salt-malformed": {
    cause: "the salt is not the 32 bytes in `sealed.inputs` of the job's spec",
    hint: "pass what `freshSalt` gave when the job was made, or read its 64 hex digits in the spec",
  },
  "seal-key-weak": {
    cause: "nothing can be sealed to the key: it is none, or one that anybody has",
    hint: "leave the node out with `placement.deniedProviders`",
  },
  "sealed-damaged": {
    cause: "it was changed or broken off on its way",
    hint: "fetch it again; whoever carries it has changed it",
  },
  "sealed-to-another": {
    cause: "it is sealed to another key",
    hint: "use the wallet that opened the job, or the identity of the recipient in its spec",
  },
  "secrets-too-large": {
    cause: "the secrets are too large together",
    hint: "put what is large into encrypted inputs",
  },
  "signature-foreign": {
    cause: "the wallet has signed something else than it was asked to",
    hint: "use a wallet that signs messages as they are, without a text of its own around them",
  },
  "signature-missing": {
    cause: "a signer of the transaction is missing",
    hint: "pass a signer, not only an address, for each account that signs",
  },
  "spec-invalid": {
    cause: "the spec holds things that do not go together",
    hint: "leave one of the two out; docs/job-file.md says what each is for",
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
