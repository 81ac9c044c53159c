import type { MessagePartialSigner } from "@solana/kit";
import { MillraceError } from "../errors/MillraceError.js";
import { authorization } from "./authorization.js";

export interface OrchestratorRequest {
  readonly method: "GET" | "PUT";
  /** From `/v1` on, without a query. */
  readonly path: string;
  readonly body?: Uint8Array;
  /** Who asks, where not everybody may. */
  readonly signer?: MessagePartialSigner;
  readonly signal?: AbortSignal;
}

/** How an orchestrator refuses; `cause` of an `orchestrator-refused`. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly cause: string;
  readonly hint: string;
}

/**
 * Text of the answer of the orchestrator at `url`. Throws `orchestrator-unreachable`, `orchestrator-refused` with the
 * orchestrator's own words and hint, and `orchestrator-foreign`.
 */
export async function request(
  url: string,
  { method, path, body, signer, signal }: OrchestratorRequest,
): Promise<string> {
  const now = BigInt(Math.floor(Date.now() / 1_000));
  const headers: Record<string, string> = signer
    ? { Authorization: await authorization(signer, method, path, now) }
    : {};
  const { response, text } = await answer(url, `${url.replace(/\/+$/, "")}${path}`, {
    method,
    headers,
    ...(body ? { body: Uint8Array.from(body) } : {}),
    ...(signal ? { signal } : {}),
  });
  if (response.ok) return text;
  throw refusedBy(url, response.status, text);
}

async function answer(base: string, url: string, init: RequestInit) {
  try {
    const response = await fetch(url, init);
    return { response, text: await response.text() };
  } catch (cause) {
    if (init.signal?.aborted) throw init.signal.reason;
    throw new MillraceError("orchestrator-unreachable", { message: `${base} cannot be reached`, cause });
  }
}

function refusedBy(url: string, status: number, text: string): MillraceError {
  const problem = problemOf(status, text);
  if (problem) {
    return new MillraceError("orchestrator-refused", { message: problem.cause, hint: problem.hint, cause: problem });
  }
  const message = `${url} answered with status ${status}, which is not how an orchestrator refuses`;
  return new MillraceError("orchestrator-foreign", { message });
}

function problemOf(status: number, text: string): Problem | undefined {
  try {
    const { code, cause, hint } = JSON.parse(text) as Record<string, unknown>;
    if (typeof code !== "string" || typeof cause !== "string" || typeof hint !== "string") return undefined;
    return { status, code, cause, hint };
  } catch {
    return undefined;
  }
}
