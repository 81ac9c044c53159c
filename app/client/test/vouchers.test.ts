import assert from "node:assert/strict";
import { test } from "node:test";
import { createKeyPairSignerFromPrivateKeyBytes, type Address } from "@solana/kit";
import { encodeVoucher, signatureCheck, signVoucher, type Voucher } from "@millrace/client";
import { MILLRACE_PROGRAM_ADDRESS } from "@millrace/client/program";
import { fromHex, toHex, vectors } from "./vectors.js";

interface Vouchers {
  readonly secret: string;
  readonly cases: readonly {
    readonly voucher: {
      program: string;
      lease: string;
      sequence: string;
      meteredSeconds: string;
      downtimeSeconds: string;
      isFinal: boolean;
      exitClass: number;
      resultRoot: string;
    };
    readonly message: string;
    readonly attestor: string;
    readonly signature: string;
    readonly signatureCheck: string;
  }[];
}

test("vouchers, their signatures and the signature check are Rust's", async () => {
  const golden = await vectors<Vouchers>("vouchers");
  const attestor = await createKeyPairSignerFromPrivateKeyBytes(fromHex(golden.secret));
  for (const { voucher: text, ...expected } of golden.cases) {
    const voucher: Voucher = {
      program: text.program as Address,
      lease: text.lease as Address,
      sequence: BigInt(text.sequence),
      meteredSeconds: BigInt(text.meteredSeconds),
      downtimeSeconds: BigInt(text.downtimeSeconds),
      isFinal: text.isFinal,
      exitClass: text.exitClass,
      resultRoot: fromHex(text.resultRoot),
    };
    assert.equal(toHex(encodeVoucher(voucher)), expected.message);
    assert.equal(text.program, MILLRACE_PROGRAM_ADDRESS);
    const { program: _, ...implied } = voucher;
    assert.equal(toHex(encodeVoucher(implied)), expected.message);
    const signed = await signVoucher(voucher, attestor.address, attestor.keyPair.privateKey);
    assert.equal(signed.attestor, expected.attestor);
    assert.equal(toHex(signed.signature), expected.signature);
    assert.equal(toHex(signatureCheck(signed).data!), expected.signatureCheck);
  }
});
