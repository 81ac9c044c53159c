import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  getSolanaErrorFromTransactionError,
  SOLANA_ERROR__BLOCK_HEIGHT_EXCEEDED,
  SolanaError,
  type Address,
  type Instruction,
} from "@solana/kit";
import { CLIENT_DIAGNOSTICS, ED25519_PROGRAM_ADDRESS, isMillraceError, MillraceError, refusal } from "@millrace/client";
import { MILLRACE_PROGRAM_ADDRESS } from "@millrace/client/program";

const SYSTEM = "11111111111111111111111111111111" as Address;
const TOKEN = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA" as Address;
const instructions: Instruction[] = [
  { programAddress: ED25519_PROGRAM_ADDRESS },
  { programAddress: MILLRACE_PROGRAM_ADDRESS },
];

function custom(index: number, code: number, failing?: Address): Error {
  const cause = getSolanaErrorFromTransactionError({ InstructionError: [index, { Custom: code }] });
  const inner = failing ? [`Program ${failing} failed: custom program error: 0x${code.toString(16)}`] : [];
  const logs = ["Program log: AnchorError", ...inner, `Program ${MILLRACE_PROGRAM_ADDRESS} failed: custom`];
  return Object.assign(new Error("simulation failed", { cause }), { context: { logs } });
}

test("every number of the program comes back with the program's own code, cause and hint", async () => {
  const list = JSON.parse(await readFile("errors.json", "utf8")) as Record<string, string | number>[];
  assert.ok(list.length > 40);
  for (const { number, code, cause, hint } of list) {
    const error = refusal(custom(1, Number(number)), instructions);
    assert.deepEqual([error.code, error.message, error.hint], [code, cause, hint]);
    assert.equal(error.logs.length, 2);
  }
});

test("small numbers are told apart by the program that failed", () => {
  const code = (error: Error) => refusal(error, instructions).code;
  assert.equal(code(custom(1, 0, SYSTEM)), "already-exists");
  assert.equal(code(custom(1, 0, TOKEN)), "transaction-refused");
  assert.equal(code(custom(1, 1, SYSTEM)), "insufficient-sol");
  assert.equal(code(custom(1, 1, TOKEN)), "insufficient-usdc");
  assert.equal(code(custom(0, 2)), "voucher-forged");
  assert.equal(code(custom(1, 3012)), "account-missing");
  assert.equal(code(custom(1, 3007)), "account-missing");
  assert.equal(code(custom(1, 2006)), "accounts-mismatch");
  assert.equal(code(custom(1, 9_999)), "transaction-refused");
});

test("whatever else happens has a code, and keeps what was below", () => {
  const expired = new SolanaError(SOLANA_ERROR__BLOCK_HEIGHT_EXCEEDED, {
    currentBlockHeight: 2n,
    lastValidBlockHeight: 1n,
  });
  assert.equal(refusal(expired).code, "transaction-expired");
  assert.equal(refusal(expired).cause, expired);
  assert.equal(refusal(getSolanaErrorFromTransactionError("BlockhashNotFound")).code, "transaction-expired");
  assert.equal(refusal(getSolanaErrorFromTransactionError("AccountNotFound")).code, "insufficient-sol");
  assert.equal(refusal(getSolanaErrorFromTransactionError("SanitizeFailure")).code, "transaction-refused");
  assert.equal(refusal(undefined).code, "transaction-refused");
  const known = new MillraceError("wait-over");
  assert.equal(refusal(known), known);
  assert.ok(isMillraceError(known) && isMillraceError(known, "overflow", "wait-over"));
  assert.ok(!isMillraceError(known, "overflow") && !isMillraceError(expired));
});

test("codes of this package are none of the program's, but where they mean the same", async () => {
  const list = JSON.parse(await readFile("errors.json", "utf8")) as { code: string }[];
  const programs = new Set(list.map(({ code }) => code));
  assert.deepEqual(
    Object.keys(CLIENT_DIAGNOSTICS).filter((code) => programs.has(code)),
    [],
  );
});
