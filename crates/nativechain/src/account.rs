use solana_pubkey::Pubkey;
use solana_sdk_ids::system_program;

/// What lies at one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub lamports: u64,
    pub data: Vec<u8>,
    /// The only program that may take lamports out or write data.
    pub owner: Pubkey,
    pub executable: bool,
}

impl Default for Account {
    /// What the chain takes an address to be at which nothing lies.
    fn default() -> Self {
        Self { lamports: 0, data: Vec::new(), owner: system_program::ID, executable: false }
    }
}
