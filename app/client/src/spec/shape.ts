import { text } from "./canonical.js";

/** What a job is, where it is more than tasks that run one by one. */
export type Shape = { readonly gang: Gang } | { readonly service: Service };

/** All tasks at the same time, each on a node of its own, or none. */
export interface Gang {
  readonly locality: "anywhere" | "region";
}

/** Replicas that run until the buyer cancels, or money or time end. */
export interface Service {
  /** How many run at a time; the job's tasks are these and as many as may come in addition. */
  readonly replicas: number;
  readonly restart: "always" | "on_failure";
  /** Seconds from the job's opening; without it a service runs as long as there is money. */
  readonly runFor?: bigint;
}

export function canonicalShape(shape: Shape): string {
  if ("gang" in shape) return `{"gang":{"locality":${text(shape.gang.locality)}}}`;
  const { replicas, restart, runFor } = shape.service;
  const end = runFor === undefined ? "" : `,"run_for":${runFor}`;
  return `{"service":{"replicas":${replicas},"restart":${text(restart)}${end}}}`;
}
