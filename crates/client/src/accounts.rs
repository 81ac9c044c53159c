//! The program's accounts as the rest of Millrace sees them: an address, the identities around it,
//! and the protocol's own type. Reading them is [`crate::Client`]'s part.

mod allowance;
mod buyer;
mod config;
mod dispute;
mod job;
mod lease;
mod node;
mod provider;
mod quorum;

use anchor_lang::{Discriminator, ZeroCopy};
use millrace::constants::VERSION;
use millrace_protocol::{Address, Diagnostic};
use thiserror::Error;

pub use allowance::AllowanceAccount;
pub use buyer::BuyerAccount;
pub use config::ConfigAccount;
pub use dispute::DisputeAccount;
pub use job::JobAccount;
pub use lease::LeaseAccount;
pub use node::NodeAccount;
pub use provider::ProviderAccount;
pub use quorum::QuorumAccount;

/// The kinds of account the program keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccountKind {
    Config,
    Provider,
    Node,
    Buyer,
    Allowance,
    Job,
    Lease,
    Dispute,
    Quorum,
}

impl AccountKind {
    /// Every kind, parents before children.
    pub const ALL: [Self; 9] = [
        Self::Config,
        Self::Provider,
        Self::Node,
        Self::Buyer,
        Self::Allowance,
        Self::Job,
        Self::Lease,
        Self::Dispute,
        Self::Quorum,
    ];

    /// First bytes of every account of the kind.
    pub fn discriminator(self) -> &'static [u8] {
        match self {
            Self::Config => millrace::state::Config::DISCRIMINATOR,
            Self::Provider => millrace::state::Provider::DISCRIMINATOR,
            Self::Node => millrace::state::Node::DISCRIMINATOR,
            Self::Buyer => millrace::state::Buyer::DISCRIMINATOR,
            Self::Allowance => millrace::state::Allowance::DISCRIMINATOR,
            Self::Job => millrace::state::Job::DISCRIMINATOR,
            Self::Lease => millrace::state::Lease::DISCRIMINATOR,
            Self::Dispute => millrace::state::Dispute::DISCRIMINATOR,
            Self::Quorum => millrace::state::Quorum::DISCRIMINATOR,
        }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "network config",
            Self::Provider => "provider",
            Self::Node => "node",
            Self::Buyer => "balance",
            Self::Allowance => "allowance",
            Self::Job => "job",
            Self::Lease => "lease",
            Self::Dispute => "dispute",
            Self::Quorum => "quorum",
        }
    }
}

/// Why bytes are not an account of the program.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    #[error("it belongs to another program")]
    ForeignOwner,
    #[error("it is no account of this kind")]
    WrongKind,
    #[error("it has layout version {0}, this software knows {VERSION}")]
    UnknownVersion(u8),
    #[error("its bytes do not decode")]
    Malformed,
    #[error("it contradicts itself")]
    Contradictory,
}

impl Diagnostic for DecodeError {
    fn code(&self) -> &'static str {
        match self {
            Self::ForeignOwner => "account-foreign",
            Self::WrongKind => "account-wrong-kind",
            Self::UnknownVersion(_) => "account-unknown-version",
            Self::Malformed => "account-malformed",
            Self::Contradictory => "account-contradictory",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::ForeignOwner | Self::WrongKind => "check the address and the network you are connected to",
            Self::UnknownVersion(_) => "upgrade this software",
            Self::Malformed | Self::Contradictory => "this is a defect: report it with the account's address",
        }
        .to_owned()
    }
}

/// An account that can be read.
pub trait Account: Sized {
    const KIND: AccountKind;

    /// # Errors
    /// [`DecodeError`] for bytes of another kind or version, or that break the account's invariant.
    fn decode(address: Address, data: &[u8]) -> Result<Self, DecodeError>;
}

/// An account of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyAccount {
    Config(ConfigAccount),
    Provider(ProviderAccount),
    Node(NodeAccount),
    Buyer(BuyerAccount),
    Allowance(AllowanceAccount),
    Job(JobAccount),
    Lease(LeaseAccount),
    Dispute(DisputeAccount),
    Quorum(Box<QuorumAccount>),
}

impl AnyAccount {
    /// # Errors
    /// Those of [`Account::decode`].
    pub fn decode(address: Address, data: &[u8]) -> Result<Self, DecodeError> {
        let kind = AccountKind::ALL.into_iter().find(|kind| data.starts_with(kind.discriminator()));
        Ok(match kind.ok_or(DecodeError::WrongKind)? {
            AccountKind::Config => Self::Config(ConfigAccount::decode(address, data)?),
            AccountKind::Provider => Self::Provider(ProviderAccount::decode(address, data)?),
            AccountKind::Node => Self::Node(NodeAccount::decode(address, data)?),
            AccountKind::Buyer => Self::Buyer(BuyerAccount::decode(address, data)?),
            AccountKind::Allowance => Self::Allowance(AllowanceAccount::decode(address, data)?),
            AccountKind::Job => Self::Job(JobAccount::decode(address, data)?),
            AccountKind::Lease => Self::Lease(LeaseAccount::decode(address, data)?),
            AccountKind::Dispute => Self::Dispute(DisputeAccount::decode(address, data)?),
            AccountKind::Quorum => Self::Quorum(QuorumAccount::decode(address, data)?.into()),
        })
    }

    pub fn kind(&self) -> AccountKind {
        match self {
            Self::Config(_) => AccountKind::Config,
            Self::Provider(_) => AccountKind::Provider,
            Self::Node(_) => AccountKind::Node,
            Self::Buyer(_) => AccountKind::Buyer,
            Self::Allowance(_) => AccountKind::Allowance,
            Self::Job(_) => AccountKind::Job,
            Self::Lease(_) => AccountKind::Lease,
            Self::Dispute(_) => AccountKind::Dispute,
            Self::Quorum(_) => AccountKind::Quorum,
        }
    }

    pub fn address(&self) -> Address {
        match self {
            Self::Config(account) => account.address,
            Self::Provider(account) => account.address,
            Self::Node(account) => account.address,
            Self::Buyer(account) => account.address,
            Self::Allowance(account) => account.address,
            Self::Job(account) => account.address,
            Self::Lease(account) => account.address,
            Self::Dispute(account) => account.address,
            Self::Quorum(account) => account.address,
        }
    }
}

/// Checks kind and version before any field is read: a later layout may move all of them. Bytes from
/// the network lie anywhere in memory, so they are copied, not looked at in place.
fn read<T: ZeroCopy + Discriminator>(data: &[u8]) -> Result<T, DecodeError> {
    let rest = data.strip_prefix(T::DISCRIMINATOR).ok_or(DecodeError::WrongKind)?;
    match rest.first() {
        Some(&VERSION) => bytemuck::try_pod_read_unaligned(rest).map_err(|_| DecodeError::Malformed),
        Some(&version) => Err(DecodeError::UnknownVersion(version)),
        None => Err(DecodeError::Malformed),
    }
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
