use std::fmt;
use std::time::Duration;

use millrace_protocol::{Address, Diagnostic, Error as Rule};
use solana_rpc_client_api::client_error::{Error as RpcError, ErrorKind};
use solana_signature::Signature;
use thiserror::Error;

use crate::accounts::{AccountKind, DecodeError};
use crate::endpoints::place_of;
use crate::refusal::Refusal;

/// What a wallet can run out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asset {
    /// In lamports.
    Sol,
    /// In micro-USDC.
    Usdc,
}

/// Everything that can go wrong between this machine and the chain.
#[derive(Debug, Error)]
pub enum Error {
    /// The chain answered no. `logs` are the program's, where there are any.
    #[error("{instruction} was refused: {source}")]
    Refused { instruction: &'static str, source: Refusal, logs: Vec<String> },
    /// No endpoint answers; `endpoint` is the last one tried.
    #[error("{} does not answer", place_of(endpoint))]
    Unreachable { endpoint: String, source: Box<RpcError> },
    /// An endpoint answered that it will not do this.
    #[error("{} refuses the request", place_of(endpoint))]
    Rejected { endpoint: String, source: Box<RpcError> },
    #[error("{}", shortage(*owner, *asset, *available, *needed))]
    InsufficientFunds {
        owner: Address,
        asset: Asset,
        /// In the asset's smallest unit, where known.
        available: Option<u64>,
        needed: Option<u64>,
    },
    /// The transaction can never land any more; nothing of it has happened.
    #[error("transaction {signature} expired before any leader took it")]
    Expired { signature: Signature },
    /// Neither confirmed nor expired in the time given: it may still land.
    #[error("transaction {signature} is neither confirmed nor expired after {} s", waited.as_secs())]
    Unconfirmed { signature: Signature, waited: Duration },
    #[error("there is no {} at {address}", kind.name())]
    AccountMissing { kind: AccountKind, address: Address },
    #[error("the account {address} cannot be read: {source}")]
    AccountUnreadable { address: Address, source: DecodeError },
    /// Bytes to be submitted are no transaction.
    #[error("these bytes are not a transaction")]
    TransactionMalformed,
    #[error("the signature of {signer} is missing or wrong")]
    SignatureInvalid { signer: Address },
    /// `answer` is what was asked for.
    #[error("{} answers with something that is no {answer}", place_of(endpoint))]
    AnswerMalformed { endpoint: String, answer: &'static str },
    /// It is kept without the calls that programs made in it, and so without the events.
    #[error("the endpoint does not tell everything that happened in transaction {signature}")]
    TransactionIncomplete { signature: Signature },
    /// What happened before is not told, so what is missing is no sign that it did not happen.
    #[error("what the endpoint tells of job {job} does not begin with its opening")]
    HistoryIncomplete { job: Address },
}

impl Error {
    /// The market's rule behind a refusal.
    pub fn rule(&self) -> Option<Rule> {
        match self {
            Self::Refused { source: Refusal::Rule(rule), .. } => Some(*rule),
            _ => None,
        }
    }

    /// The refusal, where the chain refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { source, .. } => Some(source),
            _ => None,
        }
    }

    /// What one of its causes says, without what may be a secret: HTTP's errors name the whole URL.
    pub fn without_secrets(&self, cause: &str) -> String {
        let url = match self {
            Self::Unreachable { source, .. } | Self::Rejected { source, .. } => match source.kind() {
                ErrorKind::Reqwest(error) => error.url(),
                _ => None,
            },
            _ => None,
        };
        url.map_or_else(|| cause.to_owned(), |url| cause.replace(url.as_str(), place_of(url.as_str())))
    }

    /// Whether the same call may succeed later with nothing changed by the caller.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Expired { .. }
            | Self::Unconfirmed { .. }
            | Self::AnswerMalformed { .. } => true,
            Self::Rejected { source, .. } => crate::client::is_endpoint_fault(source),
            Self::Refused { .. }
            | Self::InsufficientFunds { .. }
            | Self::AccountMissing { .. }
            | Self::AccountUnreadable { .. }
            | Self::TransactionMalformed
            | Self::SignatureInvalid { .. }
            | Self::TransactionIncomplete { .. }
            | Self::HistoryIncomplete { .. } => false,
        }
    }
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused { source, .. } => source.code(),
            Self::Unreachable { .. } => "rpc-unreachable",
            Self::Rejected { .. } => "rpc-rejected",
            Self::InsufficientFunds { asset: Asset::Sol, .. } => "insufficient-sol",
            Self::InsufficientFunds { asset: Asset::Usdc, .. } => "insufficient-usdc",
            Self::Expired { .. } => "transaction-expired",
            Self::Unconfirmed { .. } => "transaction-unconfirmed",
            Self::AccountMissing { .. } => "account-missing",
            Self::AccountUnreadable { source, .. } => source.code(),
            Self::TransactionMalformed => "transaction-malformed",
            Self::SignatureInvalid { .. } => "signature-invalid",
            Self::AnswerMalformed { .. } => "rpc-answer-malformed",
            Self::TransactionIncomplete { .. } | Self::HistoryIncomplete { .. } => "history-incomplete",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Refused { source, .. } => source.hint(),
            Self::Unreachable { endpoint, .. } => {
                format!(
                    "check that {} is the network you mean, name another by `--rpc-url`, or start one here with \
                     `millrace localnet up`",
                    place_of(endpoint)
                )
            }
            Self::Rejected { .. } | Self::AnswerMalformed { .. } => {
                "use another RPC endpoint: this one lacks the method or limits it".to_owned()
            }
            Self::InsufficientFunds { owner, asset: Asset::Sol, .. } => {
                format!(
                    "send SOL to {owner}; a local network gives some with `millrace localnet up --fund {owner}=1000`"
                )
            }
            Self::InsufficientFunds { owner, asset: Asset::Usdc, .. } => {
                format!(
                    "send USDC of the network's mint to {owner}; a local network gives some with \
                     `millrace localnet up --fund {owner}=1000`"
                )
            }
            Self::Expired { .. } => "send it again: nothing has happened".to_owned(),
            Self::Unconfirmed { signature, .. } => format!("look at {signature} again before sending another"),
            Self::AccountMissing { kind: AccountKind::Config, .. } => {
                "found the network first with `millrace network init`, or connect to another cluster".to_owned()
            }
            Self::AccountMissing { kind: AccountKind::Provider, .. } => {
                "register first with `millrace provider register --name <NAME>`, or sign with the owner's key"
                    .to_owned()
            }
            Self::AccountMissing { kind: AccountKind::Buyer, .. } => {
                "its owner opens a prepaid balance with the first `millrace balance deposit <USDC>`".to_owned()
            }
            Self::AccountMissing { kind: AccountKind::Allowance, .. } => {
                "the balance's owner gives one with `millrace delegate allow <DELEGATE>`; `millrace delegate show` lists \
                 those there are"
                    .to_owned()
            }
            Self::AccountMissing { kind: AccountKind::Node, .. } => {
                "`millrace node list` tells the addresses of your nodes; one that was removed has no account any more"
                    .to_owned()
            }
            Self::AccountMissing { .. } => {
                "check the address and the network; what has ended has no account any more".to_owned()
            }
            Self::AccountUnreadable { source, .. } => source.hint(),
            Self::TransactionMalformed => "pass the bytes of a whole, legacy transaction".to_owned(),
            Self::SignatureInvalid { signer } => format!("have {signer} sign this very message"),
            Self::TransactionIncomplete { .. } | Self::HistoryIncomplete { .. } => {
                "use another RPC endpoint, one that keeps the chain's whole history".to_owned()
            }
        }
    }
}

fn shortage(owner: Address, asset: Asset, available: Option<u64>, needed: Option<u64>) -> String {
    let amount = |value: u64| Amount { value, asset };
    match (available, needed) {
        (Some(available), Some(needed)) => format!("{owner} has {} and needs {}", amount(available), amount(needed)),
        (Some(available), None) => format!("{owner} has {}, which is not enough", amount(available)),
        (None, Some(needed)) => format!("{owner} does not have the {} needed", amount(needed)),
        (None, None) => format!("{owner} has not enough {}", if asset == Asset::Sol { "SOL" } else { "USDC" }),
    }
}

struct Amount {
    value: u64,
    asset: Asset,
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.asset {
            Asset::Sol => write!(f, "{}.{:09} SOL", self.value / 1_000_000_000, self.value % 1_000_000_000),
            Asset::Usdc => millrace_protocol::MicroUsdc(self.value).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_names_both_amounts_in_their_unit() {
        let owner = Address([1; 32]);
        let error = Error::InsufficientFunds { owner, asset: Asset::Usdc, available: Some(1), needed: Some(2_500_000) };
        assert_eq!(error.to_string(), format!("{owner} has 0.000001 USDC and needs 2.500000 USDC"));
        assert_eq!(error.code(), "insufficient-usdc");
        let error = Error::InsufficientFunds { owner, asset: Asset::Sol, available: Some(5), needed: None };
        assert_eq!(error.to_string(), format!("{owner} has 0.000000005 SOL, which is not enough"));
    }

    #[test]
    fn an_endpoint_is_named_without_what_pays_for_it() {
        for (url, shown) in [
            ("https://rpc.example", "https://rpc.example"),
            ("https://rpc.example:8899/v2/secret?key=secret", "https://rpc.example:8899"),
            ("https://rpc.example?key=secret", "https://rpc.example"),
            ("https://me:sec/ret@rpc.example/v1/secret", "the endpoint"),
            ("(no endpoint)", "(no endpoint)"),
            ("", ""),
        ] {
            let error = Error::AnswerMalformed { endpoint: url.to_owned(), answer: "clock" };
            assert_eq!(error.to_string(), format!("{shown} answers with something that is no clock"));
            let away = RpcError::from(ErrorKind::Custom(String::new()));
            let error = Error::Unreachable { endpoint: url.to_owned(), source: Box::new(away) };
            assert!(error.hint().starts_with(&format!("check that {shown} is the network")), "{}", error.hint());
        }
    }

    #[test]
    fn an_account_that_is_missing_says_how_it_is_made() {
        let hint = |kind| Error::AccountMissing { kind, address: Address([1; 32]) }.hint();
        assert!(hint(AccountKind::Config).contains("network init"));
        assert!(hint(AccountKind::Provider).contains("provider register"));
        assert!(hint(AccountKind::Buyer).contains("balance deposit"));
        assert!(hint(AccountKind::Allowance).contains("delegate allow"));
        assert!(hint(AccountKind::Node).contains("node list"));
        assert!(hint(AccountKind::Job).contains("what has ended has no account"));
    }

    #[test]
    fn a_refusal_keeps_its_rule() {
        let error =
            Error::Refused { instruction: "open_lease", source: Refusal::Rule(Rule::NodeFull), logs: Vec::new() };
        assert_eq!(error.rule(), Some(Rule::NodeFull));
        assert_eq!(error.code(), "node-full");
        assert!(!error.is_transient());
    }
}
