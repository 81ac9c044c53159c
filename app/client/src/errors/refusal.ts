import {
  isSolanaError,
  SOLANA_ERROR__ACCOUNTS__ACCOUNT_NOT_FOUND,
  SOLANA_ERROR__ACCOUNTS__FAILED_TO_DECODE_ACCOUNT,
  SOLANA_ERROR__BLOCK_HEIGHT_EXCEEDED,
  SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM,
  SOLANA_ERROR__RPC__TRANSPORT_HTTP_ERROR,
  SOLANA_ERROR__TRANSACTION__SIGNATURES_MISSING,
  SOLANA_ERROR__TRANSACTION_ERROR__ACCOUNT_NOT_FOUND,
  SOLANA_ERROR__TRANSACTION_ERROR__BLOCKHASH_NOT_FOUND,
  SOLANA_ERROR__TRANSACTION_ERROR__INSUFFICIENT_FUNDS_FOR_FEE,
  SOLANA_ERROR__TRANSACTION_ERROR__INSUFFICIENT_FUNDS_FOR_RENT,
  type Address,
  type Instruction,
} from "@solana/kit";
import { PROGRAM_DIAGNOSTICS } from "../generated/diagnostics.js";
import { ED25519_PROGRAM_ADDRESS } from "../voucher.js";
import type { ErrorCode } from "./diagnostics.js";
import { MillraceError } from "./MillraceError.js";

const SYSTEM_PROGRAM = "11111111111111111111111111111111" as Address;
const TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA" as Address;
/** Anchor's own checks fail with numbers from here up to the program's first. */
const ANCHOR_FIRST = 100;
/** Where an account should be, there is nothing: what is not there belongs to the system program. */
const ANCHOR_OWNED_BY_OTHER_PROGRAM = 3007;
const ANCHOR_NOT_INITIALIZED = 3012;
const PROGRAM_FIRST = 6000;

/** Reads why a transaction of these instructions, or a request, failed: by numbers, never by text. */
export function refusal(error: unknown, instructions: readonly Instruction[] = []): MillraceError {
  if (error instanceof MillraceError) return error;
  const chain = causes(error);
  const logs = chain.map(logsOf).find((found) => found.length > 0) ?? [];
  const code = chain.map((link) => codeOf(link, instructions, logs)).find((found) => found !== undefined);
  return new MillraceError(code ?? "transaction-refused", { cause: error, logs });
}

function causes(error: unknown): unknown[] {
  const chain = [];
  for (let link = error; link !== undefined && link !== null && chain.length < 8;) {
    chain.push(link);
    link = (link as { cause?: unknown }).cause;
  }
  // The innermost is the most exact.
  return chain.reverse();
}

function codeOf(error: unknown, instructions: readonly Instruction[], logs: readonly string[]): ErrorCode | undefined {
  if (isSolanaError(error, SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM)) {
    const program = instructions[error.context.index]?.programAddress;
    return codeOfNumber(error.context.code, program, failingProgram(logs) ?? program);
  }
  if (
    isSolanaError(error, SOLANA_ERROR__TRANSACTION_ERROR__ACCOUNT_NOT_FOUND) ||
    isSolanaError(error, SOLANA_ERROR__TRANSACTION_ERROR__INSUFFICIENT_FUNDS_FOR_FEE) ||
    isSolanaError(error, SOLANA_ERROR__TRANSACTION_ERROR__INSUFFICIENT_FUNDS_FOR_RENT)
  ) {
    return "insufficient-sol";
  }
  if (
    isSolanaError(error, SOLANA_ERROR__BLOCK_HEIGHT_EXCEEDED) ||
    isSolanaError(error, SOLANA_ERROR__TRANSACTION_ERROR__BLOCKHASH_NOT_FOUND)
  ) {
    return "transaction-expired";
  }
  if (isSolanaError(error, SOLANA_ERROR__TRANSACTION__SIGNATURES_MISSING)) return "signature-missing";
  if (isSolanaError(error, SOLANA_ERROR__ACCOUNTS__ACCOUNT_NOT_FOUND)) return "account-missing";
  if (isSolanaError(error, SOLANA_ERROR__ACCOUNTS__FAILED_TO_DECODE_ACCOUNT)) return "account-unreadable";
  if (isSolanaError(error, SOLANA_ERROR__RPC__TRANSPORT_HTTP_ERROR)) return "rpc-rejected";
  if (error instanceof MillraceError) return error.code;
  return undefined;
}

/** The small numbers of system and token program mean different things. */
function codeOfNumber(number: number, program: Address | undefined, failing: Address | undefined): ErrorCode {
  if (program === ED25519_PROGRAM_ADDRESS) return "voucher-forged";
  if (number === 0 && failing !== TOKEN_PROGRAM) return "already-exists";
  if (number === 1) return failing === SYSTEM_PROGRAM ? "insufficient-sol" : "insufficient-usdc";
  if (number === ANCHOR_NOT_INITIALIZED || number === ANCHOR_OWNED_BY_OTHER_PROGRAM) return "account-missing";
  if (number >= ANCHOR_FIRST && number < PROGRAM_FIRST) return "accounts-mismatch";
  const known: Readonly<Record<number, { code: ErrorCode } | undefined>> = PROGRAM_DIAGNOSTICS;
  return known[number]?.code ?? "transaction-refused";
}

/** The innermost program that failed, from the runtime's own `Program <id> failed: ...` line. */
function failingProgram(logs: readonly string[]): Address | undefined {
  const line = logs.find((log) => /^Program \w+ failed/.test(log));
  return line?.split(" ")[1] as Address | undefined;
}

function logsOf(error: unknown): readonly string[] {
  const context = (error as { context?: { logs?: unknown } }).context;
  return Array.isArray(context?.logs) ? context.logs : [];
}
