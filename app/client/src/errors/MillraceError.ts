import { diagnostic, type ErrorCode } from "./diagnostics.js";

/** What else is known about an error. */
export interface ErrorDetails {
  /** Where more is known than the code tells; the code's own cause otherwise. */
  readonly message?: string;
  /** Where somebody knows better what to do than the code tells. */
  readonly hint?: string;
  /** The error below, as the RPC or the codec threw it. */
  readonly cause?: unknown;
  /** Of the refused transaction, where the endpoint gave them. */
  readonly logs?: readonly string[];
}

/**
 * Everything this package throws. `code` is stable and tells errors apart, `message` is the cause, `hint`
 * says what to do about it. Codes, causes and hints of the program's refusals are the program's own.
 */
export class MillraceError extends Error {
  override readonly name = "MillraceError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly logs: readonly string[];

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    const known = diagnostic(code);
    super(details.message ?? known.cause, "cause" in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.hint = details.hint ?? known.hint;
    this.logs = details.logs ?? [];
  }
}

/** Whether an error is one of this package, and, where codes are given, has one of them. */
export function isMillraceError(error: unknown, ...codes: ErrorCode[]): error is MillraceError {
  return error instanceof MillraceError && (codes.length === 0 || codes.includes(error.code));
}
