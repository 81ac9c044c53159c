//! Why the chain said no to a transaction, told by numbers and never by text.

use anchor_lang::error::{ERROR_CODE_OFFSET, ErrorCode};
use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::error::InstructionError;
use millrace::MarketError;
use millrace_protocol::{Diagnostic, Error as Rule};
use solana_transaction_error::TransactionError;
use thiserror::Error;

/// Why the chain refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// A rule of the market.
    #[error(transparent)]
    Rule(#[from] Rule),
    /// A check of the program on accounts or signatures.
    #[error("{0}")]
    Account(MarketError),
    /// The account it would create exists: it was done before, or the number is taken.
    #[error("an account that it would create exists already")]
    AlreadyExists,
    /// An account it needs is not there: never made, or closed already.
    #[error("an account that it needs does not exist")]
    NotInitialized,
    #[error("the tokens it would move are not there")]
    InsufficientTokens,
    #[error("the SOL it needs for rent is not there")]
    InsufficientLamports,
    #[error("a voucher's signature is bad")]
    BadSignature,
    /// A check of Anchor's on the accounts passed, by its number.
    #[error("its accounts do not fit, by check {0}")]
    Framework(u32),
    /// Whatever else the runtime or another program refuses with.
    #[error("{0}")]
    Chain(TransactionError),
}

impl Refusal {
    /// Whether what the transaction was built from has changed since: read the accounts again, see
    /// whether the work is still to be done, and build another. Two leases of one job opened at the
    /// same time meet like this.
    pub fn is_outdated(&self) -> bool {
        matches!(self, Self::AlreadyExists | Self::NotInitialized | Self::Framework(_))
    }

    /// Reads the reason. `failing` is the program that failed, where the logs name one, because
    /// the small numbers of system and token program mean different things.
    pub(crate) fn of(error: &TransactionError, failing: Option<Pubkey>, program: Option<Pubkey>) -> Self {
        let TransactionError::InstructionError(_, cause) = error else {
            return Self::Chain(error.clone());
        };
        let is_signature_check = program == Some(solana_sdk_ids::ed25519_program::ID);
        match cause {
            InstructionError::Custom(_) if is_signature_check => Self::BadSignature,
            InstructionError::Custom(code) => {
                Self::of_code(*code, failing).unwrap_or_else(|| Self::Chain(error.clone()))
            }
            _ => Self::Chain(error.clone()),
        }
    }

    fn of_code(code: u32, failing: Option<Pubkey>) -> Option<Self> {
        let in_system = failing == Some(solana_sdk_ids::system_program::ID);
        let in_tokens = failing == Some(anchor_spl::token::ID);
        match code {
            0 if !in_tokens => Some(Self::AlreadyExists),
            1 if in_system => Some(Self::InsufficientLamports),
            1 => Some(Self::InsufficientTokens),
            // A closed account is the system program's.
            code if code == u32::from(ErrorCode::AccountOwnedByWrongProgram) => Some(Self::NotInitialized),
            100..ERROR_CODE_OFFSET => Some(Self::Framework(code)),
            code => MarketError::from_code(code).map(|error| error.rule().map_or(Self::Account(error), Self::Rule)),
        }
    }
}

impl Diagnostic for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.code(),
            Self::Account(error) => error.code(),
            Self::AlreadyExists => "already-exists",
            Self::NotInitialized => "account-missing",
            Self::InsufficientTokens => "insufficient-usdc",
            Self::InsufficientLamports => "insufficient-sol",
            Self::BadSignature => "voucher-forged",
            Self::Framework(_) => "accounts-mismatch",
            Self::Chain(_) => "transaction-refused",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Rule(rule) => return rule.hint(),
            Self::Account(error) => return error.hint(),
            Self::AlreadyExists => "it was done before: look at the account, or choose another id",
            Self::NotInitialized => "check the addresses and the network; what has ended has no account any more",
            Self::InsufficientTokens => "fund the wallet's USDC account and try again",
            Self::InsufficientLamports => "fund the wallet with SOL for rent and fees and try again",
            Self::BadSignature => "redeem the attestor's own signature over the unchanged voucher",
            Self::Framework(_) => "read the accounts again: one has changed since the transaction was built",
            Self::Chain(_) => "see the transaction's logs",
        }
        .to_owned()
    }
}

/// The innermost program that failed, from the runtime's own `Program <id> failed: ...` line.
pub(crate) fn failing_program(logs: &[String]) -> Option<Pubkey> {
    logs.iter().find_map(|line| {
        let (id, rest) = line.strip_prefix("Program ")?.split_once(' ')?;
        rest.starts_with("failed").then(|| id.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(code: u32) -> TransactionError {
        TransactionError::InstructionError(1, InstructionError::Custom(code))
    }

    #[test]
    fn every_number_of_the_program_comes_back_as_its_error() {
        for error in MarketError::ALL {
            let refusal = Refusal::of(&custom(u32::from(*error)), Some(millrace::ID), Some(millrace::ID));
            match error.rule() {
                Some(rule) => assert_eq!(refusal, Refusal::Rule(rule)),
                None => assert_eq!(refusal, Refusal::Account(*error)),
            }
            assert_eq!(refusal.code(), error.code());
        }
    }

    #[test]
    fn small_numbers_are_told_apart_by_the_program_that_failed() {
        let logs = |id: Pubkey| {
            vec![
                format!("Program {} invoke [1]", millrace::ID),
                format!("Program {id} invoke [2]"),
                format!("Program {id} failed: custom program error: 0x1"),
                format!("Program {} failed: custom program error: 0x1", millrace::ID),
            ]
        };
        let read = |code, id| Refusal::of(&custom(code), failing_program(&logs(id)), Some(millrace::ID));
        assert_eq!(read(1, anchor_spl::token::ID), Refusal::InsufficientTokens);
        assert_eq!(read(1, solana_sdk_ids::system_program::ID), Refusal::InsufficientLamports);
        assert_eq!(read(0, solana_sdk_ids::system_program::ID), Refusal::AlreadyExists);
        assert!(matches!(read(0, anchor_spl::token::ID), Refusal::Chain(_)));
    }

    #[test]
    fn anchors_numbers_and_bad_signatures_are_known() {
        assert_eq!(Refusal::of(&custom(3007), None, Some(millrace::ID)), Refusal::NotInitialized);
        assert_eq!(Refusal::of(&custom(2006), None, Some(millrace::ID)), Refusal::Framework(2006));
        assert!(matches!(Refusal::of(&custom(9_999), None, Some(millrace::ID)), Refusal::Chain(_)));
        let check = Some(solana_sdk_ids::ed25519_program::ID);
        assert_eq!(Refusal::of(&custom(2), None, check), Refusal::BadSignature);
        let other = TransactionError::SanitizeFailure;
        assert_eq!(Refusal::of(&other, None, None), Refusal::Chain(other));
    }
}
