//! Seeds of every program-derived address. Clients import these, so addresses cannot drift.

/// `config`
pub const CONFIG: &[u8] = b"config";
/// `provider`, owner
pub const PROVIDER: &[u8] = b"provider";
/// `stake`, provider
pub const STAKE_VAULT: &[u8] = b"stake";
/// `earnings`, provider
pub const EARNINGS_VAULT: &[u8] = b"earnings";
/// `node`, provider, index `u32` little endian
pub const NODE: &[u8] = b"node";
/// `job`, buyer, id `u64` little endian
pub const JOB: &[u8] = b"job";
/// `vault`, job
pub const JOB_VAULT: &[u8] = b"vault";
/// `lease`, job, the job's opening slot `u64` little endian, number `u32` little endian. The slot keeps
/// vouchers of a closed job from fitting a later job of the same buyer and id.
pub const LEASE: &[u8] = b"lease";
/// `buyer`, owner
pub const BUYER: &[u8] = b"buyer";
/// `buyer_vault`, buyer
pub const BUYER_VAULT: &[u8] = b"buyer_vault";
/// `allowance`, buyer, delegate
pub const ALLOWANCE: &[u8] = b"allowance";
/// `dispute`, lease
pub const DISPUTE: &[u8] = b"dispute";
/// `quorum`, job, the job's opening slot `u64` little endian, round `u32` little endian
pub const QUORUM: &[u8] = b"quorum";
