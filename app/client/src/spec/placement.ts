import { getAddressEncoder, type Address, type ReadonlyUint8Array } from "@solana/kit";
import { text, utf8Order } from "./canonical.js";

/** What a buyer asks of a placement that the chain does not enforce. Lists may come in any order. */
export interface Placement {
  /** Whether nodes bid for its leases in sealed auctions. Not with gangs, services or spot leases. */
  readonly auction?: boolean;
  /** ISO 3166-1 alpha-2, in capitals; none accepts every country. */
  readonly countries?: readonly string[];
  /** No nodes of these. */
  readonly deniedProviders?: readonly Address[];
  /** Whether each live lease of the job must be with another provider. */
  readonly differentProviders?: boolean;
  /** Major * 1000 + minor, as accounts of nodes have it: 12_004 for CUDA 12.4. Nodes that tell none have none. */
  readonly minimumCuda?: number;
  /** The same of the driver: 550_054 for 550.54. */
  readonly minimumDriver?: number;
  /** From 0 to 255; orders the jobs of one buyer, the highest first. */
  readonly priority?: number;
  /** Only nodes of these; none accepts every provider. */
  readonly providers?: readonly Address[];
}

/** JSON text with what is asked only, or nothing where nothing is. */
export function canonicalPlacement(placement: Placement): string | undefined {
  const countries = [...new Set(placement.countries)].sort(utf8Order);
  const list = (name: string, items: readonly string[]) =>
    items.length > 0 ? [`${text(name)}:[${items.map(text).join(",")}]`] : [];
  const number = (name: string, value = 0) => (value > 0 ? [`${text(name)}:${value}`] : []);
  const fields = [
    ...(placement.auction === true ? [`"auction":true`] : []),
    ...list("countries", countries),
    ...list("denied_providers", inOrder(placement.deniedProviders)),
    ...(placement.differentProviders === true ? [`"different_providers":true`] : []),
    ...number("minimum_cuda", placement.minimumCuda),
    ...number("minimum_driver", placement.minimumDriver),
    ...number("priority", placement.priority),
    ...list("providers", inOrder(placement.providers)),
  ];
  return fields.length > 0 ? `{${fields.join(",")}}` : undefined;
}

/** By their bytes, not by their base58, and each once. */
function inOrder(addresses: readonly Address[] | undefined): Address[] {
  const bytes = new Map([...new Set(addresses)].map((address) => [address, getAddressEncoder().encode(address)]));
  return [...bytes.keys()].sort((left, right) => bytesOrder(bytes.get(left)!, bytes.get(right)!));
}

/** Order of the bytes, of two of the same length. */
export function bytesOrder(left: ReadonlyUint8Array, right: ReadonlyUint8Array): number {
  const at = left.findIndex((byte, index) => byte !== right[index]);
  return at < 0 ? 0 : left[at]! - right[at]!;
}
