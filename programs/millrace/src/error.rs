//! Everything the program refuses with: the market's own reasons, one to one, then those of
//! accounts and signatures.

use anchor_lang::prelude::*;
use millrace_protocol::{Diagnostic, Error};

/// Codes count from 6000 in this order; append only, clients know them by number.
#[error_code]
#[derive(PartialEq, Eq, Hash)]
pub enum MarketError {
    #[msg("an amount or a time does not fit 64 bits")]
    Overflow,
    #[msg("the amount is zero")]
    AmountZero,
    #[msg("a parameter is outside of its bounds")]
    ParameterOutOfBounds,
    #[msg("an account contradicts itself")]
    InvariantBroken,
    #[msg("the hardware description contradicts itself")]
    HardwareInvalid,
    #[msg("the job's terms contradict themselves")]
    TermsInvalid,
    #[msg("the deposit does not cover one lease, or one quorum, at the maximum price")]
    DepositTooSmall,
    #[msg("the job takes no further lease")]
    JobNotOpen,
    #[msg("the job's start deadline has passed")]
    StartDeadlinePassed,
    #[msg("the job runs on as many nodes as it allows")]
    TooManyLeases,
    #[msg("the job has used up its attempts")]
    AttemptsExhausted,
    #[msg("what is left of the deposit does not cover the lease")]
    DepositExhausted,
    #[msg("the price is over the job's maximum or not the node's own")]
    PriceNotAgreed,
    #[msg("the node is not what the job asks for")]
    RequirementsUnmet,
    #[msg("the lease is longer than the job allows, or has no length")]
    LeaseLengthInvalid,
    #[msg("the node takes no work")]
    NodeNotActive,
    #[msg("the node has not enough free GPUs")]
    NodeFull,
    #[msg("the provider's free stake does not cover the bond")]
    StakeTooSmall,
    #[msg("these bytes are not a voucher")]
    VoucherMalformed,
    #[msg("the voucher is for another lease or program")]
    VoucherForeign,
    #[msg("a voucher with this or a later sequence was redeemed already")]
    VoucherStale,
    #[msg("the voucher takes back seconds that were attested before")]
    VoucherFallsBack,
    #[msg("the voucher attests more seconds than have passed")]
    VoucherAheadOfClock,
    #[msg("the voucher attests more seconds than the lease has")]
    VoucherBeyondLease,
    #[msg("the job is over or being cancelled already")]
    JobNotCancellable,
    #[msg("the deadline has not passed yet")]
    DeadlineNotPassed,
    #[msg("the job is not over, or has live leases")]
    JobNotOver,
    #[msg("only the program's upgrade authority can found the network")]
    NotUpgradeAuthority,
    #[msg("the token account holds another mint than the network's")]
    WrongMint,
    #[msg("the token account belongs to somebody else")]
    WrongTokenOwner,
    #[msg("a display name has 1 to 32 bytes and no control characters")]
    DisplayNameInvalid,
    #[msg("the signer does not own the provider")]
    WrongOwner,
    #[msg("the signer is not the network's scheduler")]
    WrongScheduler,
    #[msg("the signer is not the node's key")]
    WrongNodeKey,
    #[msg("the signer did not open the job")]
    WrongBuyer,
    #[msg("the node or lease belongs to another provider")]
    WrongProvider,
    #[msg("the lease is on another node")]
    WrongNode,
    #[msg("the lease belongs to another job")]
    WrongJob,
    #[msg("the rent goes back to whoever paid it")]
    WrongRentPayer,
    #[msg("a refund goes to a token account of the job's funder and mint")]
    WrongRefundAccount,
    #[msg("no signature check stands right before this instruction")]
    VoucherMissing,
    #[msg("the signature check is not exactly one signature over one voucher inside one instruction")]
    VoucherLayout,
    #[msg("the voucher is signed by another key than the job's attestor")]
    VoucherForged,
    #[msg("a vault holds less than its ledger says")]
    VaultShort,
    #[msg("the account was written by another version of the program")]
    UnknownVersion,
    #[msg("the vault is not the one that its owner names")]
    WrongVault,
    #[msg("a higher bump gives an address too")]
    BumpNotCanonical,
    #[msg("as much stake is on its way out as the queue has places for")]
    UnbondingFull,
    #[msg("the provider takes no work")]
    ProviderNotActive,
    #[msg("the provider's reputation is under the minimum")]
    ReputationTooLow,
    #[msg("the provider's reputation is not under the floor")]
    ReputationAboveFloor,
    #[msg("the lease has ended, or does not run yet")]
    LeaseNotLive,
    #[msg("the lease runs already")]
    LeaseStarted,
    #[msg("the lease has no final voucher yet, or is disputed")]
    LeaseNotReported,
    #[msg("the lease is not disputed")]
    LeaseNotDisputed,
    #[msg("the results of this job are counted in a quorum")]
    NotForQuorum,
    #[msg("the deadline has passed")]
    DeadlinePassed,
    #[msg("the lease is held to its limit already")]
    HoldLimit,
    #[msg("the start was extended already")]
    ExtendedAlready,
    #[msg("the job takes no spot leases")]
    NotSpot,
    #[msg("the lease has its notice already")]
    PreemptedAlready,
    #[msg("there is no such ruling")]
    RulingUnknown,
    #[msg("the quorum has all its members")]
    QuorumFull,
    #[msg("the quorum takes no further member")]
    QuorumCommitted,
    #[msg("the provider is in the quorum already")]
    ProviderTwice,
    #[msg("the lease is not in the quorum, or is through with it")]
    NotAMember,
    #[msg("the member has committed already")]
    CommittedAlready,
    #[msg("the member has nothing to reveal")]
    NothingCommitted,
    #[msg("the root and the salt are not the committed ones")]
    CommitmentMismatch,
    #[msg("the quorum was counted already")]
    QuorumCounted,
    #[msg("the quorum was not counted yet")]
    QuorumUndecided,
    #[msg("the quorum has members that are not settled")]
    QuorumNotOver,
    #[msg("the prepaid balance does not cover it")]
    BalanceTooSmall,
    #[msg("the delegate may not spend this much")]
    AllowanceExceeded,
    #[msg("the delegate's allowance has expired")]
    AllowanceExpired,
    #[msg("the node has live leases")]
    NodeBusy,
    #[msg("the provider has nodes, stake or earnings left")]
    ProviderBusy,
    #[msg("the signer is not the network's admin")]
    WrongAdmin,
    #[msg("the signer was not proposed as admin")]
    NotPendingAdmin,
    #[msg("the network takes no new jobs at present")]
    NetworkPaused,
    #[msg("the signer is not the network's arbiter")]
    WrongArbiter,
    #[msg("earnings go to a token account of the payout owner")]
    WrongPayoutOwner,
    #[msg("fees go to the network's treasury")]
    WrongTreasury,
    #[msg("the signer is neither the network's scheduler nor the job's buyer")]
    WrongAuthority,
    #[msg("the signer did not fund the job")]
    WrongFunder,
    #[msg("the job is funded the other way")]
    WrongFunding,
    #[msg("the balance belongs to another buyer")]
    WrongBuyerAccount,
    #[msg("the signer is neither the balance's owner nor a delegate with this allowance")]
    WrongDelegate,
    #[msg("the signer may not dispute this lease")]
    WrongChallenger,
    #[msg("the dispute is about another lease")]
    WrongDispute,
    #[msg("the quorum is another job's, or another round's")]
    WrongQuorum,
    #[msg("the job has a round that is not closed")]
    QuorumOpen,
}

/// The reasons that are the market's own, under the same names in [`Error`].
macro_rules! rules {
    ($($name:ident)*) => {
        impl MarketError {
            /// The market's reason, where it is one.
            pub fn rule(self) -> Option<Error> {
                match self {
                    $(Self::$name => Some(Error::$name),)*
                    _ => None,
                }
            }
        }

        impl From<Error> for MarketError {
            fn from(error: Error) -> Self {
                match error {
                    $(Error::$name => Self::$name,)*
                }
            }
        }
    };
}

rules! {
    Overflow
    AmountZero
    ParameterOutOfBounds
    InvariantBroken
    HardwareInvalid
    TermsInvalid
    DepositTooSmall
    JobNotOpen
    StartDeadlinePassed
    TooManyLeases
    AttemptsExhausted
    DepositExhausted
    PriceNotAgreed
    RequirementsUnmet
    LeaseLengthInvalid
    NodeNotActive
    NodeFull
    StakeTooSmall
    VoucherMalformed
    VoucherForeign
    VoucherStale
    VoucherFallsBack
    VoucherAheadOfClock
    VoucherBeyondLease
    JobNotCancellable
    DeadlineNotPassed
    JobNotOver
    UnbondingFull
    ProviderNotActive
    ReputationTooLow
    ReputationAboveFloor
    LeaseNotLive
    LeaseStarted
    LeaseNotReported
    LeaseNotDisputed
    NotForQuorum
    DeadlinePassed
    HoldLimit
    ExtendedAlready
    NotSpot
    PreemptedAlready
    RulingUnknown
    QuorumFull
    QuorumCommitted
    ProviderTwice
    NotAMember
    CommittedAlready
    NothingCommitted
    CommitmentMismatch
    QuorumCounted
    QuorumUndecided
    QuorumNotOver
    BalanceTooSmall
    AllowanceExceeded
    AllowanceExpired
    NodeBusy
    ProviderBusy
}

impl MarketError {
    /// Every error, by code.
    pub const ALL: &[Self] = &[
        Self::Overflow,
        Self::AmountZero,
        Self::ParameterOutOfBounds,
        Self::InvariantBroken,
        Self::HardwareInvalid,
        Self::TermsInvalid,
        Self::DepositTooSmall,
        Self::JobNotOpen,
        Self::StartDeadlinePassed,
        Self::TooManyLeases,
        Self::AttemptsExhausted,
        Self::DepositExhausted,
        Self::PriceNotAgreed,
        Self::RequirementsUnmet,
        Self::LeaseLengthInvalid,
        Self::NodeNotActive,
        Self::NodeFull,
        Self::StakeTooSmall,
        Self::VoucherMalformed,
        Self::VoucherForeign,
        Self::VoucherStale,
        Self::VoucherFallsBack,
        Self::VoucherAheadOfClock,
        Self::VoucherBeyondLease,
        Self::JobNotCancellable,
        Self::DeadlineNotPassed,
        Self::JobNotOver,
        Self::NotUpgradeAuthority,
        Self::WrongMint,
        Self::WrongTokenOwner,
        Self::DisplayNameInvalid,
        Self::WrongOwner,
        Self::WrongScheduler,
        Self::WrongNodeKey,
        Self::WrongBuyer,
        Self::WrongProvider,
        Self::WrongNode,
        Self::WrongJob,
        Self::WrongRentPayer,
        Self::WrongRefundAccount,
        Self::VoucherMissing,
        Self::VoucherLayout,
        Self::VoucherForged,
        Self::VaultShort,
        Self::UnknownVersion,
        Self::WrongVault,
        Self::BumpNotCanonical,
        Self::UnbondingFull,
        Self::ProviderNotActive,
        Self::ReputationTooLow,
        Self::ReputationAboveFloor,
        Self::LeaseNotLive,
        Self::LeaseStarted,
        Self::LeaseNotReported,
        Self::LeaseNotDisputed,
        Self::NotForQuorum,
        Self::DeadlinePassed,
        Self::HoldLimit,
        Self::ExtendedAlready,
        Self::NotSpot,
        Self::PreemptedAlready,
        Self::RulingUnknown,
        Self::QuorumFull,
        Self::QuorumCommitted,
        Self::ProviderTwice,
        Self::NotAMember,
        Self::CommittedAlready,
        Self::NothingCommitted,
        Self::CommitmentMismatch,
        Self::QuorumCounted,
        Self::QuorumUndecided,
        Self::QuorumNotOver,
        Self::BalanceTooSmall,
        Self::AllowanceExceeded,
        Self::AllowanceExpired,
        Self::NodeBusy,
        Self::ProviderBusy,
        Self::WrongAdmin,
        Self::NotPendingAdmin,
        Self::NetworkPaused,
        Self::WrongArbiter,
        Self::WrongPayoutOwner,
        Self::WrongTreasury,
        Self::WrongAuthority,
        Self::WrongFunder,
        Self::WrongFunding,
        Self::WrongBuyerAccount,
        Self::WrongDelegate,
        Self::WrongChallenger,
        Self::WrongDispute,
        Self::WrongQuorum,
        Self::QuorumOpen,
    ];

    /// The error behind the number in a failed transaction.
    pub fn from_code(code: u32) -> Option<Self> {
        let index = code.checked_sub(anchor_lang::error::ERROR_CODE_OFFSET)?;
        Self::ALL.get(usize::try_from(index).ok()?).copied()
    }
}

impl std::error::Error for MarketError {}

impl Diagnostic for MarketError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotUpgradeAuthority => "not-upgrade-authority",
            Self::WrongMint => "wrong-mint",
            Self::WrongTokenOwner => "wrong-token-owner",
            Self::DisplayNameInvalid => "display-name-invalid",
            Self::WrongOwner => "wrong-owner",
            Self::WrongScheduler => "wrong-scheduler",
            Self::WrongNodeKey => "wrong-node-key",
            Self::WrongBuyer => "wrong-buyer",
            Self::WrongProvider => "wrong-provider",
            Self::WrongNode => "wrong-node",
            Self::WrongJob => "wrong-job",
            Self::WrongRentPayer => "wrong-rent-payer",
            Self::WrongRefundAccount => "wrong-refund-account",
            Self::VoucherMissing => "voucher-missing",
            Self::VoucherLayout => "voucher-layout",
            Self::VoucherForged => "voucher-forged",
            Self::VaultShort => "vault-short",
            Self::UnknownVersion => "unknown-version",
            Self::WrongVault => "wrong-vault",
            Self::BumpNotCanonical => "bump-not-canonical",
            Self::WrongAdmin => "wrong-admin",
            Self::NotPendingAdmin => "not-pending-admin",
            Self::NetworkPaused => "network-paused",
            Self::WrongArbiter => "wrong-arbiter",
            Self::WrongPayoutOwner => "wrong-payout-owner",
            Self::WrongTreasury => "wrong-treasury",
            Self::WrongAuthority => "wrong-authority",
            Self::WrongFunder => "wrong-funder",
            Self::WrongFunding => "wrong-funding",
            Self::WrongBuyerAccount => "wrong-buyer-account",
            Self::WrongDelegate => "wrong-delegate",
            Self::WrongChallenger => "wrong-challenger",
            Self::WrongDispute => "wrong-dispute",
            Self::WrongQuorum => "wrong-quorum",
            Self::QuorumOpen => "quorum-open",
            market => market.rule().map_or("unknown", |rule| rule.code()),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotUpgradeAuthority => "sign with the key that deployed the program",
            Self::WrongMint => "use a token account of the mint in the network's config",
            Self::WrongTokenOwner => "use a token account of the wallet that signs",
            Self::DisplayNameInvalid => "choose a shorter name",
            Self::WrongOwner => "sign with the wallet that registered the provider",
            Self::WrongScheduler => "sign with the scheduler key in the network's config",
            Self::WrongNodeKey => "sign with the key the node was added with",
            Self::WrongBuyer => "sign with the buyer's wallet",
            Self::WrongProvider => "pass the provider that the node names",
            Self::WrongNode => "pass the node that the lease names",
            Self::WrongJob => "pass the job that the lease names",
            Self::WrongRentPayer => "pass the rent payer that the account names",
            Self::WrongRefundAccount => "pass a token account of the funder, of the job's mint",
            Self::VoucherMissing => "put the ed25519 instruction directly before `settle` in the same transaction",
            Self::VoucherLayout => "build the ed25519 instruction with `precompile::instruction_data`",
            Self::VoucherForged => "redeem the attestor's own signature",
            Self::VaultShort => "this is a defect: report it with the account's address",
            Self::UnknownVersion => "upgrade the client or migrate the account",
            Self::WrongVault => "pass the vault that the job or the provider names",
            Self::BumpNotCanonical => "derive the address with `find_program_address` and pass its bump",
            Self::WrongAdmin => "sign with the admin's key; a handover counts once the next admin has accepted",
            Self::NotPendingAdmin => "have the admin propose this key first",
            Self::NetworkPaused => "try again later; jobs under way go on",
            Self::WrongArbiter => "sign with the arbiter key in the network's config",
            Self::WrongPayoutOwner => "pass a token account of the payout owner that counts now",
            Self::WrongTreasury => "pass the treasury in the network's config",
            Self::WrongAuthority => "sign with one of the two",
            Self::WrongFunder => "sign with the wallet that paid the deposit; only it gets money back",
            Self::WrongFunding => {
                "use the prepaid instruction for a job of the buyer's balance, and the plain one for others"
            }
            Self::WrongBuyerAccount => "pass the balance account of the buyer",
            Self::WrongDelegate => "sign with the owner's or the delegate's key, and pass the delegate's own allowance",
            Self::WrongChallenger => "the buyer may, and the scheduler where results are spot-checked",
            Self::WrongDispute => "pass the dispute of this lease",
            Self::WrongQuorum => "pass the round that the job has open, and none for a job without a quorum",
            Self::QuorumOpen => "settle its members and close the round first",
            market => return market.rule().map_or_else(String::new, |rule| rule.hint()),
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_errors_are_one_to_one() {
        for (index, error) in MarketError::ALL.iter().enumerate() {
            let code = u32::from(*error);
            assert_eq!(code, 6_000 + index as u32, "{error:?} is out of order");
            assert_eq!(MarketError::from_code(code), Some(*error));
        }
        assert_eq!(MarketError::from_code(5_999), None);
        assert_eq!(MarketError::from_code(6_000 + MarketError::ALL.len() as u32), None);
    }

    #[test]
    fn every_rule_keeps_its_text_code_and_hint() {
        let rules: Vec<_> = MarketError::ALL.iter().filter_map(|error| Some((*error, error.rule()?))).collect();
        assert_eq!(rules.len(), 57);
        for (error, rule) in rules {
            assert_eq!(MarketError::from(rule), error);
            assert_eq!(error.to_string(), rule.to_string());
            assert_eq!((error.code(), error.hint()), (rule.code(), rule.hint()));
        }
    }

    #[test]
    fn codes_differ_and_hints_say_something() {
        let codes: std::collections::HashSet<_> = MarketError::ALL.iter().map(|error| error.code()).collect();
        assert_eq!(codes.len(), MarketError::ALL.len());
        assert!(MarketError::ALL.iter().all(|error| !error.hint().is_empty()));
    }
}
