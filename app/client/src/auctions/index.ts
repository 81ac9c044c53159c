export type { Auction, Book, Entered, Facts, SignedBid, Step, Weights } from "./auction.js";
export { auditAuctions, type Audit, type Audited } from "./auditAuctions.js";
export { bidMessage, ranked, rootOf, type Candidate } from "./book.js";
export type { Bidder, Chain, Opened } from "./chain.js";
export { checkAuctions, type Note } from "./checkAuctions.js";
export { parseAuctions, parseBids } from "./parse.js";
export { readChain } from "./readChain.js";
