//! JSON of the REST interface. Money is in micro-USDC, prices in micro-USDC per GPU-hour, times in
//! Unix seconds, hashes in hex, addresses in base58.

use millrace_protocol::{
    Address, BasisPoints, Hardware, HardwareAttestation, Job, Lease, MicroUsdc, PricePerGpuHour, Seconds, ServiceLevel,
    UnixSeconds,
};
use millrace_spec::{Runtime, Version};
use serde::{Deserialize, Serialize};

/// The most bytes of the body of `PUT /v1/jobs/{job}/sealed/{lease}`: an envelope as millrace-seal makes it. The
/// answer is 204 once the lease's rig has opened and kept it.
pub const LARGEST_ENVELOPE: usize = 1024 * 1024;

/// `GET /v1/network`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Network {
    pub program: Address,
    pub scheduler: Address,
    pub heartbeat_millis: u64,
    pub nodes_connected: u32,
    pub version: String,
}

/// `GET /v1/nodes`: an array of these.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    pub address: Address,
    pub provider: Address,
    pub provider_name: String,
    pub hardware: Hardware,
    pub price: PricePerGpuHour,
    /// Zero where the node takes no spot leases.
    pub spot_price: PricePerGpuHour,
    pub service_level: ServiceLevel,
    pub attestation: HardwareAttestation,
    pub units_leased: u16,
    /// As its provider describes it on chain; zero where nothing is told.
    #[serde(default)]
    pub driver: Version,
    #[serde(default)]
    pub cuda: Version,
    pub connected: bool,
    /// It takes no further lease.
    #[serde(default)]
    pub draining: bool,
    /// Its worker came and went too often lately: it gets no lease for a while.
    #[serde(default)]
    pub quarantined: bool,
    /// What its engine can keep containers in beside its own runtime.
    #[serde(default)]
    pub runtimes: Vec<Runtime>,
    /// What its GPUs have shown by answering the network's challenge; none where its worker never answered any.
    #[serde(default)]
    pub challenge: Option<Challenged>,
}

/// How a node stands with the network's GPU challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenged {
    pub state: ChallengeState,
    /// Until when what it has shown counts.
    pub until: Option<UnixSeconds>,
    /// Why its last answer was refused.
    pub refusal: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChallengeState {
    /// It is to be asked as soon as it is there and idle.
    Waiting,
    /// A challenge is with its worker.
    Asked,
    Shown,
    /// A processor answered in the place of GPUs that do not exist: nothing is shown.
    Simulated,
    Refused,
}

/// `GET /v1/nodes/{node}/evidence`: what the digest on chain is of, as `docs/gpu-challenge.md` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub digest: String,
    pub since: UnixSeconds,
    pub until: UnixSeconds,
    pub driver: String,
    pub simulated: bool,
    /// Thousandths of the deadline that the slowest GPU left.
    pub score: u16,
    pub gpus: Vec<GpuEvidence>,
}

/// `GET /v1/nodes/{node}/gpus`: an array of the last 256 GPUs that the node has shown since it was added, the latest
/// last, each by its UUID and with when it was shown first and last; of a simulated node none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenGpu {
    pub gpu: String,
    pub first: UnixSeconds,
    pub last: UnixSeconds,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuEvidence {
    pub gpu: String,
    pub nonce: String,
    pub tiles: u32,
    pub root: String,
    pub took_millis: u64,
}

/// `GET /v1/jobs?buyer=`: an array of these; `GET /v1/jobs/{job}`: one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobStatus {
    pub address: Address,
    pub buyer: Address,
    pub id: u64,
    /// Empty until the spec was fetched.
    pub name: String,
    /// Whose vouchers are to count; none for the network's scheduler.
    pub attestor: Option<Address>,
    /// As the chain has it; the last known state for a job whose account is closed.
    pub chain: Job,
    /// The account is closed: everything has been paid out.
    pub closed: bool,
    /// Until when a closed job is kept, with its logs and its results; then nobody knows it any more. What waits for it
    /// keeps it for longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<UnixSeconds>,
    /// How many tasks it has; none until the spec was fetched.
    #[serde(default)]
    pub task_count: u32,
    /// And how many of them are done.
    #[serde(default)]
    pub tasks_done: u32,
    /// Not in lists.
    pub tasks: Vec<Task>,
    pub leases: Vec<LeaseStatus>,
    /// Why the job has no node, or fewer than it may have. Not in lists.
    pub explanation: Option<Explanation>,
    /// Why the job ended without completing.
    pub failure: Option<Failure>,
    /// How long its money lasts at the prices of its live leases; of a job that has any.
    #[serde(default)]
    pub runway: Option<Runway>,
    /// How far its spot checks are; of a job that has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot_checks: Option<SpotChecks>,
}

/// How many of a job's tasks were drawn to be run again, by what that came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotChecks {
    /// Not compared yet.
    pub open: u32,
    pub equal: u32,
    pub different: u32,
    /// Not compared, and no longer of use: see [docs/protocol.md](../../../docs/protocol.md#spot-checks).
    pub lapsed: u32,
}

/// `GET /v1/jobs/{job}/findings`: an array of these, for the job's buyer and for the arbiter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub task: u32,
    /// The result that the job goes by. Its lease is disputed.
    pub first: Run,
    pub second: Run,
    pub found_at: UnixSeconds,
    /// The hash that stands in the dispute's account.
    pub evidence: Option<String>,
    /// Base58 signature of the transaction that opened the dispute, as far as it was heard of.
    pub dispute: Option<String>,
    /// Why it could not be opened, the last time it was tried.
    pub trouble: Option<Failure>,
}

/// What a task made under a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub lease: Address,
    pub root: String,
    pub outputs: Vec<Output>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runway {
    /// Leases that are paid for now.
    pub leases: u16,
    /// What they cost together in an hour.
    pub hourly: MicroUsdc,
    /// What of the deposit is not spent yet.
    pub unspent: MicroUsdc,
    /// For how long that is enough.
    pub lasts: Seconds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    Pending,
    Assigned,
    /// Waits for the buyer, who has to bring something to the rig.
    AwaitingSecrets,
    FetchingInputs,
    Pulling,
    Creating,
    Running,
    Uploading,
    Done,
    Failed,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    pub index: u32,
    pub state: TaskState,
    /// From 1 once assigned.
    pub attempt: u32,
    pub node: Option<Address>,
    /// When the rig gives up waiting for the buyer, by its own clock; only while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets_until: Option<UnixSeconds>,
    /// Of the current phase, where it moves bytes.
    pub bytes_done: u64,
    pub bytes_total: u64,
    pub outputs: Vec<Output>,
    /// Of the last attempt that failed.
    pub failure: Option<Failure>,
    /// What was brought away of its outputs before its end, by whichever attempt did last: also between attempts, where
    /// it failed, and once its job is over. None once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_outputs: Option<EarlyOutputs>,
    /// What goes wrong beside it, which fails nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setbacks: Vec<Setback>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyOutputs {
    /// Which has made them; another one may be at work by now.
    pub attempt: u32,
    pub files: u32,
    pub bytes: u64,
}

/// Why the last round of what is brought away of a running task came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setback {
    pub round: Round,
    pub attempt: u32,
    #[serde(flatten)]
    pub failure: Failure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Round {
    /// What the next attempt begins with.
    Checkpoint,
    /// Early outputs.
    Outputs,
}

/// `GET /v1/jobs/{job}/outputs/early?task=`: one of these, or null where there is none, as of a task that is done. They
/// are no results: files may change, go away, or come again from another attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEarlyOutputs {
    /// Which has made them; another one may be at work by now.
    pub attempt: u32,
    #[serde(flatten)]
    pub task: TaskOutputs,
}

/// `GET /v1/jobs/{job}/outputs`: an array of [`TaskOutputs`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskOutputs {
    pub index: u32,
    /// Whose rig has made them; none where that is not known any more, as of an earlier attempt's early ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Address>,
    pub outputs: Vec<Output>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    pub path: String,
    pub size: u64,
    pub sha256: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeaseStatus {
    pub address: Address,
    pub number: u32,
    pub node: Address,
    pub provider: Address,
    pub provider_name: String,
    pub hardware: Hardware,
    /// As the chain had it last.
    pub chain: Lease,
    /// Attested so far, redeemed or not.
    pub metered: Seconds,
    /// What its containers are made from, by the word of its worker: `sha256:` and the digest that the image's registry
    /// has for it, or the engine's own for an image that came from none. None before its first container.
    #[serde(default)]
    pub image_digest: Option<String>,
    pub ended: bool,
}

/// `GET /v1/jobs/{job}/placements`: why the job's live leases are where they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placements {
    pub weights: Weights,
    /// By number. A lease that was opened before the orchestrator's last start has none: its score is forgotten.
    pub leases: Vec<Placement>,
}

/// What the orchestrator charges a node beside its price. The node with the lowest sum gets the lease, the lowest
/// address among equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// Share of the price for a reputation of zero, in proportion for others.
    pub reputation: BasisPoints,
    /// Share of the price for a link that moves nothing, falling to nothing at `fast_link`.
    pub link: BasisPoints,
    /// KiB per second from which on a link is fast enough.
    pub fast_link: u32,
    /// For an image that the node would have to pull.
    pub image: PricePerGpuHour,
    /// For each GPU that the lease leaves idle in a rig that was whole.
    pub packing: PricePerGpuHour,
    /// For each size of request, up to 16 GPUs, that no node could take beside the lease any more; a part of it where
    /// only gangs could not.
    #[serde(default)]
    pub scarcity: PricePerGpuHour,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The lease's number within its job.
    pub number: u32,
    pub chosen: Scored,
    /// The best first; few, however many nodes fitted. Of a gang, whose nodes are chosen together, those on which no
    /// member is: one may score better than a node that could be had beside the others.
    pub runners_up: Vec<Scored>,
}

/// A node's score, part by part. Less is better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scored {
    pub node: Address,
    pub provider_name: String,
    /// It failed the job before: any other goes before it.
    pub failed_before: bool,
    pub price: PricePerGpuHour,
    pub reputation: PricePerGpuHour,
    pub link: PricePerGpuHour,
    pub image: PricePerGpuHour,
    pub packing: PricePerGpuHour,
    #[serde(default)]
    pub scarcity: PricePerGpuHour,
    pub total: PricePerGpuHour,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: String,
    pub cause: String,
    pub hint: String,
}

/// Body of every answer with a status of 400 or more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    pub code: String,
    pub cause: String,
    pub hint: String,
}

/// Why a job is not placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    pub nodes_total: u32,
    /// Nodes that meet every requirement now.
    pub nodes_fitting: u32,
    /// Each requirement that excludes at least one node, most excluding first.
    pub exclusions: Vec<Exclusion>,
    /// The cheapest single change that would place the job.
    pub suggestion: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// Kebab-case name of the requirement, such as `maximum-price` or `gpu-model`.
    pub requirement: String,
    /// What the job asks for, readable.
    pub asked: String,
    /// Nodes that do not meet it.
    pub nodes: u32,
    /// Nodes that meet everything else.
    pub nodes_excluded_by_this_alone: u32,
}
