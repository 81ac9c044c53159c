// Golden vectors of the repository, written and checked by Rust as well. Tests run in app/client.
import { readFile } from "node:fs/promises";

export async function vectors<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(`../../tests/vectors/${name}.json`, "utf8")) as T;
}

export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

export function toHex(bytes: ArrayLike<number>): string {
  return Buffer.from(Uint8Array.from(bytes)).toString("hex");
}
