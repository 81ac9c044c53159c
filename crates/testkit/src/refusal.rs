use anchor_lang::error::ErrorCode;
#[cfg(feature = "bytecode")]
use litesvm::types::FailedTransactionMetadata;
use millrace::MarketError;
use solana_transaction_error::TransactionError;

/// Why a transaction failed. `Display`ed logs are for people; tests compare the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    pub error: TransactionError,
    pub logs: Vec<String>,
}

impl Refusal {
    #[cfg(feature = "bytecode")]
    pub(crate) fn new(failed: FailedTransactionMetadata) -> Self {
        Self { error: failed.err, logs: failed.meta.logs }
    }

    /// The code of the failed instruction's custom error.
    pub fn custom_code(&self) -> Option<u32> {
        match &self.error {
            TransactionError::InstructionError(_, error) => {
                // The error's type lives in a crate of its own whose only use would be this match.
                let text = format!("{error:?}");
                text.strip_prefix("Custom(")?.strip_suffix(')')?.parse().ok()
            }
            _ => None,
        }
    }

    /// Whether the program did not refuse but break off.
    pub fn is_a_panic(&self) -> bool {
        matches!(&self.error, TransactionError::InstructionError(_, error)
            if format!("{error:?}") == "ProgramFailedToComplete")
    }

    pub fn market(&self) -> Option<MarketError> {
        self.custom_code().and_then(MarketError::from_code)
    }
}

impl std::fmt::Debug for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} ({:?})\n{}", self.error, self.market(), self.logs.join("\n"))
    }
}

/// What a test expects a refusal to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected(u32);

impl Expected {
    pub(crate) fn code(self) -> u32 {
        self.0
    }
}

impl From<MarketError> for Expected {
    fn from(error: MarketError) -> Self {
        Self(error.into())
    }
}

impl From<ErrorCode> for Expected {
    fn from(error: ErrorCode) -> Self {
        Self(error.into())
    }
}

/// A raw code: of the system program (0: the account exists already) or of the token program
/// (1: not enough money).
impl From<u32> for Expected {
    fn from(code: u32) -> Self {
        Self(code)
    }
}
