use thiserror::Error;

use crate::Diagnostic;

/// Every reason for which the market refuses. The program maps each to one error code of its own.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
pub enum Error {
    #[error("an amount or a time does not fit 64 bits")]
    Overflow,
    #[error("the amount is zero")]
    AmountZero,
    #[error("a parameter is outside of its bounds")]
    ParameterOutOfBounds,
    #[error("an account contradicts itself")]
    InvariantBroken,
    #[error("the hardware description contradicts itself")]
    HardwareInvalid,
    #[error("the job's terms contradict themselves")]
    TermsInvalid,
    #[error("the deposit does not cover one lease, or one quorum, at the maximum price")]
    DepositTooSmall,
    #[error("the job takes no further lease")]
    JobNotOpen,
    #[error("the job's start deadline has passed")]
    StartDeadlinePassed,
    #[error("the job runs on as many nodes as it allows")]
    TooManyLeases,
    #[error("the job has used up its attempts")]
    AttemptsExhausted,
    #[error("what is left of the deposit does not cover the lease")]
    DepositExhausted,
    #[error("the price is over the job's maximum or not the node's own")]
    PriceNotAgreed,
    #[error("the node is not what the job asks for")]
    RequirementsUnmet,
    #[error("the lease is longer than the job allows, or has no length")]
    LeaseLengthInvalid,
    #[error("the node takes no work")]
    NodeNotActive,
    #[error("the node has not enough free GPUs")]
    NodeFull,
    #[error("the provider's free stake does not cover the bond")]
    StakeTooSmall,
    #[error("these bytes are not a voucher")]
    VoucherMalformed,
    #[error("the voucher is for another lease or program")]
    VoucherForeign,
    #[error("a voucher with this or a later sequence was redeemed already")]
    VoucherStale,
    #[error("the voucher takes back seconds that were attested before")]
    VoucherFallsBack,
    #[error("the voucher attests more seconds than have passed")]
    VoucherAheadOfClock,
    #[error("the voucher attests more seconds than the lease has")]
    VoucherBeyondLease,
    #[error("the job is over or being cancelled already")]
    JobNotCancellable,
    #[error("the deadline has not passed yet")]
    DeadlineNotPassed,
    #[error("the job is not over, or has live leases")]
    JobNotOver,
    #[error("as much stake is on its way out as the queue has places for")]
    UnbondingFull,
    #[error("the provider takes no work")]
    ProviderNotActive,
    #[error("the provider's reputation is under the minimum")]
    ReputationTooLow,
    #[error("the provider's reputation is not under the floor")]
    ReputationAboveFloor,
    #[error("the lease has ended, or does not run yet")]
    LeaseNotLive,
    #[error("the lease runs already")]
    LeaseStarted,
    #[error("the lease has no final voucher yet, or is disputed")]
    LeaseNotReported,
    #[error("the lease is not disputed")]
    LeaseNotDisputed,
    #[error("the results of this job are counted in a quorum")]
    NotForQuorum,
    #[error("the deadline has passed")]
    DeadlinePassed,
    #[error("the lease is held to its limit already")]
    HoldLimit,
    #[error("the start was extended already")]
    ExtendedAlready,
    #[error("the job takes no spot leases")]
    NotSpot,
    #[error("the lease has its notice already")]
    PreemptedAlready,
    #[error("there is no such ruling")]
    RulingUnknown,
    #[error("the quorum has all its members")]
    QuorumFull,
    #[error("the quorum takes no further member")]
    QuorumCommitted,
    #[error("the provider is in the quorum already")]
    ProviderTwice,
    #[error("the lease is not in the quorum, or is through with it")]
    NotAMember,
    #[error("the member has committed already")]
    CommittedAlready,
    #[error("the member has nothing to reveal")]
    NothingCommitted,
    #[error("the root and the salt are not the committed ones")]
    CommitmentMismatch,
    #[error("the quorum was counted already")]
    QuorumCounted,
    #[error("the quorum was not counted yet")]
    QuorumUndecided,
    #[error("the quorum has members that are not settled")]
    QuorumNotOver,
    #[error("the prepaid balance does not cover it")]
    BalanceTooSmall,
    #[error("the delegate may not spend this much")]
    AllowanceExceeded,
    #[error("the delegate's allowance has expired")]
    AllowanceExpired,
    #[error("the node has live leases")]
    NodeBusy,
    #[error("the provider has nodes, stake or earnings left")]
    ProviderBusy,
    #[error("the buyer has money, jobs or allowances left")]
    BuyerBusy,
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Overflow => "overflow",
            Self::AmountZero => "amount-zero",
            Self::ParameterOutOfBounds => "parameter-out-of-bounds",
            Self::InvariantBroken => "invariant-broken",
            Self::HardwareInvalid => "hardware-invalid",
            Self::TermsInvalid => "terms-invalid",
            Self::DepositTooSmall => "deposit-too-small",
            Self::JobNotOpen => "job-not-open",
            Self::StartDeadlinePassed => "start-deadline-passed",
            Self::TooManyLeases => "too-many-leases",
            Self::AttemptsExhausted => "attempts-exhausted",
            Self::DepositExhausted => "deposit-exhausted",
            Self::PriceNotAgreed => "price-not-agreed",
            Self::RequirementsUnmet => "requirements-unmet",
            Self::LeaseLengthInvalid => "lease-length-invalid",
            Self::NodeNotActive => "node-not-active",
            Self::NodeFull => "node-full",
            Self::StakeTooSmall => "stake-too-small",
            Self::VoucherMalformed => "voucher-malformed",
            Self::VoucherForeign => "voucher-foreign",
            Self::VoucherStale => "voucher-stale",
            Self::VoucherFallsBack => "voucher-falls-back",
            Self::VoucherAheadOfClock => "voucher-ahead-of-clock",
            Self::VoucherBeyondLease => "voucher-beyond-lease",
            Self::JobNotCancellable => "job-not-cancellable",
            Self::DeadlineNotPassed => "deadline-not-passed",
            Self::JobNotOver => "job-not-over",
            Self::UnbondingFull => "unbonding-full",
            Self::ProviderNotActive => "provider-not-active",
            Self::ReputationTooLow => "reputation-too-low",
            Self::ReputationAboveFloor => "reputation-above-floor",
            Self::LeaseNotLive => "lease-not-live",
            Self::LeaseStarted => "lease-started",
            Self::LeaseNotReported => "lease-not-reported",
            Self::LeaseNotDisputed => "lease-not-disputed",
            Self::NotForQuorum => "not-for-quorum",
            Self::DeadlinePassed => "deadline-passed",
            Self::HoldLimit => "hold-limit",
            Self::ExtendedAlready => "extended-already",
            Self::NotSpot => "not-spot",
            Self::PreemptedAlready => "preempted-already",
            Self::RulingUnknown => "ruling-unknown",
            Self::QuorumFull => "quorum-full",
            Self::QuorumCommitted => "quorum-committed",
            Self::ProviderTwice => "provider-twice",
            Self::NotAMember => "not-a-member",
            Self::CommittedAlready => "committed-already",
            Self::NothingCommitted => "nothing-committed",
            Self::CommitmentMismatch => "commitment-mismatch",
            Self::QuorumCounted => "quorum-counted",
            Self::QuorumUndecided => "quorum-undecided",
            Self::QuorumNotOver => "quorum-not-over",
            Self::BalanceTooSmall => "balance-too-small",
            Self::AllowanceExceeded => "allowance-exceeded",
            Self::AllowanceExpired => "allowance-expired",
            Self::NodeBusy => "node-busy",
            Self::ProviderBusy => "provider-busy",
            Self::BuyerBusy => "buyer-busy",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Overflow => "use a lower price, fewer units or a shorter time",
            Self::AmountZero => "give an amount of at least 0.000001 USDC",
            Self::ParameterOutOfBounds => "see `Parameters::check` for the bounds of each parameter",
            Self::InvariantBroken => "this is a defect: report it with the account's address",
            Self::HardwareInvalid => "GPUs need a known model and VRAM; region and country must exist",
            Self::TermsInvalid => {
                "a job needs units, a lease length of 10 seconds to 30 days, a start window of 1 second to 30 \
                 days, at least one lease, and known GPU models and regions"
            }
            Self::DepositTooSmall => {
                "deposit at least maximum price x units x lease seconds / 3600, times the members of a quorum"
            }
            Self::JobNotOpen => "the job is cancelled, done or expired; open a new one",
            Self::StartDeadlinePassed => "anyone can expire the job now, which refunds its deposit",
            Self::TooManyLeases => "wait until one of its leases ends",
            Self::AttemptsExhausted => "open a new job; allow more attempts if its nodes were at fault",
            Self::DepositExhausted => "open a shorter lease, or a new job with a larger deposit",
            Self::PriceNotAgreed => "read the node and the job again and agree on the node's posted price",
            Self::RequirementsUnmet => "compare the node's hardware with the job's requirements",
            Self::LeaseLengthInvalid => "choose a length between 1 second and the job's maximum",
            Self::NodeNotActive => "the provider is draining it; choose another node",
            Self::NodeFull => "wait for one of its leases to end or choose another node",
            Self::StakeTooSmall => "add stake, or lower the node's price",
            Self::VoucherMalformed => "redeem the attestor's message unchanged",
            Self::VoucherForeign => "redeem the voucher on the lease it names",
            Self::VoucherStale => "redeem the latest voucher only",
            Self::VoucherFallsBack => "the attestor's count may only grow; report it to the attestor",
            Self::VoucherAheadOfClock => "wait until the time has passed; check the attestor's clock",
            Self::VoucherBeyondLease => "a lease is paid for its own length at most",
            Self::JobNotCancellable => "nothing to do: unused money returns to the funder by itself",
            Self::DeadlineNotPassed => "wait for the deadline in the account, by the chain's clock",
            Self::JobNotOver => "cancel the job first, or wait for its leases to end",
            Self::UnbondingFull => "withdraw what has unlocked first",
            Self::ProviderNotActive => "its owner is draining it or it was delisted; choose another provider",
            Self::ReputationTooLow => "choose another provider; good leases and time raise the score",
            Self::ReputationAboveFloor => "a provider is delisted below the floor only, and listed again above it",
            Self::LeaseNotLive => "read the lease again; what ended is settled by its report",
            Self::LeaseStarted => "nothing to do: the start deadline no longer counts",
            Self::LeaseNotReported => "wait for its final voucher, or for the ruling",
            Self::LeaseNotDisputed => "read the lease again; the dispute may be settled already",
            Self::NotForQuorum => "wait for the count of the quorum; its leases are neither disputed nor extended",
            Self::DeadlinePassed => "too late for this; anyone can crank the account on",
            Self::HoldLimit => "redeem the latest voucher; at the limit the lease ends without blame",
            Self::ExtendedAlready => "a node may extend its start once",
            Self::NotSpot => "only spot leases can be preempted",
            Self::PreemptedAlready => "wait for the notice to end",
            Self::RulingUnknown => "rule 0 for the provider, 1 for the buyer, or 2 to split",
            Self::QuorumFull => "wait for its result",
            Self::QuorumCommitted => "its members have committed already; wait for the count",
            Self::ProviderTwice => "choose a node of another provider",
            Self::NotAMember => "give the round's own lease, and each once",
            Self::CommittedAlready => "reveal the committed result",
            Self::NothingCommitted => "commit first; each result is revealed once",
            Self::CommitmentMismatch => "reveal exactly what was committed",
            Self::QuorumCounted => "settle its members",
            Self::QuorumUndecided => "count it once everyone has revealed or the time is over",
            Self::QuorumNotOver => "settle or expire each member's lease first",
            Self::BalanceTooSmall => "put more into the balance",
            Self::AllowanceExceeded => "ask the buyer for a higher allowance, or open a smaller job",
            Self::AllowanceExpired => "ask the buyer for a new allowance",
            Self::NodeBusy => "drain it and wait for its leases to end",
            Self::ProviderBusy => "remove its nodes, withdraw stake and earnings, and sweep its fees first",
            Self::BuyerBusy => "withdraw the balance, close its jobs and its allowances first",
        }
        .to_owned()
    }
}
