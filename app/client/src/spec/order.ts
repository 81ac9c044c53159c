import { getAddressEncoder, type Address } from "@solana/kit";
import { text } from "./canonical.js";
import { bytesOrder } from "./placement.js";

/** Another job that comes first, and what has to become of it. */
export interface After {
  readonly job: Address;
  readonly on: "completed" | "ended";
}

/** What happens after a container has ended with another status than 0. Codes may come in any order. */
export interface Retry {
  /** Seconds before the task runs again; twice as long after each further failure in a row. */
  readonly backoff: bigint;
  /** These end the job at once. */
  readonly fatalExitCodes?: readonly number[];
  /** Seconds that `backoff` grows to at most. */
  readonly longestBackoff: bigint;
  /** These do not count as failures of the task. */
  readonly uncountedExitCodes?: readonly number[];
}

export function canonicalAfter(after: readonly After[]): string {
  const bytes = (job: Address) => getAddressEncoder().encode(job);
  const inOrder = [...after].sort((left, right) => bytesOrder(bytes(left.job), bytes(right.job)));
  return `[${inOrder.map(({ job, on }) => `{"job":${text(job)},"on":${text(on)}}`).join(",")}]`;
}

export function canonicalRetry(retry: Retry): string {
  const codes = (name: string, list: readonly number[] = []) =>
    list.length > 0 ? [`${text(name)}:[${[...new Set(list)].sort((one, other) => one - other).join(",")}]`] : [];
  const fields = [
    `"backoff":${retry.backoff}`,
    ...codes("fatal_exit_codes", retry.fatalExitCodes),
    `"longest_backoff":${retry.longestBackoff}`,
    ...codes("uncounted_exit_codes", retry.uncountedExitCodes),
  ];
  return `{${fields.join(",")}}`;
}
