import assert from "node:assert/strict";
import { isMillraceError, type ErrorCode } from "@millrace/client";

/** Refused with this code, a cause and a hint. */
export async function refused(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(isMillraceError(error, code), `${String(error)} is no ${code}: ${String((error as Error).cause)}`);
    assert.ok(error.message.length > 0 && error.hint.length > 0);
    return true;
  });
}
