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
    #[error("the deposit does not cover one lease at the maximum price")]
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
            Self::DepositTooSmall => "deposit at least maximum price x units x lease seconds / 3600",
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
        }
        .to_owned()
    }
}
