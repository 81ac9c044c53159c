import { createSignableMessage, getBase58Decoder, type MessagePartialSigner } from "@solana/kit";
import { MillraceError } from "../errors/MillraceError.js";

/**
 * Value of the `Authorization` header for one request: `Millrace <key>.<unix seconds>.<signature>`. `path` is without
 * host and query, `now` in Unix seconds; orchestrators accept clocks that are up to 300 seconds off.
 */
export async function authorization(
  signer: MessagePartialSigner,
  method: string,
  path: string,
  now: bigint,
): Promise<string> {
  const message = createSignableMessage(`millrace http v1\n${method}\n${path}\n${now}`);
  const [signatures] = await signer.signMessages([message]);
  const signature = signatures?.[signer.address];
  if (!signature) throw new MillraceError("signature-missing");
  return `Millrace ${signer.address}.${now}.${getBase58Decoder().decode(signature)}`;
}
