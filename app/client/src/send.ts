import {
  appendTransactionMessageInstructions,
  assertIsTransactionWithBlockhashLifetime,
  createTransactionMessage,
  estimateResourceLimitsFactory,
  getSignatureFromTransaction,
  pipe,
  sendAndConfirmTransactionFactory,
  setTransactionMessageComputeUnitLimit,
  setTransactionMessageComputeUnitPrice,
  setTransactionMessageFeePayerSigner,
  setTransactionMessageLifetimeUsingBlockhash,
  signTransactionMessageWithSigners,
  type Instruction,
  type MicroLamports,
  type Signature,
  type TransactionSigner,
} from "@solana/kit";
import type { Connection } from "./connection.js";
import { refusal } from "./errors/refusal.js";

/** Compute units vary a little between the simulation and the block: a tenth more is allowed. */
const HEADROOM = 1.1;

export interface Order {
  /** Pays the network's fee and signs; the other signers stand in the instructions. */
  readonly payer: TransactionSigner;
  readonly instructions: readonly Instruction[];
  /** Priority fee per compute unit; none when left out. */
  readonly computeUnitPrice?: MicroLamports;
  readonly signal?: AbortSignal;
}

/**
 * Simulates, signs, sends and waits until the transaction is confirmed. A refusal is found in the
 * simulation, before anything is paid, and thrown as a `MillraceError` with the program's code and hint.
 */
export async function send(connection: Connection, order: Order): Promise<Signature> {
  const { rpc, rpcSubscriptions, commitment } = connection;
  const abort = order.signal ? { abortSignal: order.signal } : {};
  try {
    const { value: blockhash } = await rpc.getLatestBlockhash({ commitment }).send(abort);
    const message = pipe(
      createTransactionMessage({ version: 0 }),
      (message) => setTransactionMessageFeePayerSigner(order.payer, message),
      (message) => setTransactionMessageLifetimeUsingBlockhash(blockhash, message),
      (message) => appendTransactionMessageInstructions(order.instructions, message),
      (message) =>
        order.computeUnitPrice === undefined
          ? message
          : setTransactionMessageComputeUnitPrice(order.computeUnitPrice, message),
    );
    const estimate = await estimateResourceLimitsFactory({ rpc })(message, { ...abort, commitment });
    const limit = Math.ceil(estimate.computeUnitLimit * HEADROOM);
    const limited = setTransactionMessageComputeUnitLimit(limit, message);
    const transaction = await signTransactionMessageWithSigners(limited);
    assertIsTransactionWithBlockhashLifetime(transaction);
    const sendAndConfirm = sendAndConfirmTransactionFactory({ rpc, rpcSubscriptions });
    await sendAndConfirm(transaction, { ...abort, commitment, skipPreflight: true });
    return getSignatureFromTransaction(transaction);
  } catch (error) {
    if (order.signal?.aborted) throw order.signal.reason;
    throw refusal(error, order.instructions);
  }
}
