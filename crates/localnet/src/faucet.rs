//! Money for tests, by ordinary transactions, so that balances, supply and subscriptions are
//! what they would be if somebody had paid.

use std::time::Duration;

use millrace_protocol::{Address, MicroUsdc};
use solana_commitment_config::CommitmentConfig;
use solana_hash::Hash;
use solana_keypair::Keypair;
use solana_message::Message;
use solana_message::compiled_instruction::CompiledInstruction;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::Transaction;
use surfpool_sdk::Pubkey;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{Error, keys};

const SYSTEM_PROGRAM: Pubkey = Pubkey::from_str_const("11111111111111111111111111111111");
const TOKEN_PROGRAM: Pubkey = Pubkey::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
const ASSOCIATED_TOKEN_PROGRAM: Pubkey = Pubkey::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
const CONFIRMATION: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

pub(crate) struct Faucet {
    rpc: RpcClient,
    key: Keypair,
    mint: Pubkey,
    /// Of the latest transaction. Two equal transactions with one blockhash would be the same
    /// transaction, paid once.
    last_blockhash: Mutex<Hash>,
}

impl Faucet {
    pub fn new(rpc_url: String) -> Self {
        Self {
            rpc: RpcClient::new_with_commitment(rpc_url, CommitmentConfig::confirmed()),
            key: keys::faucet(),
            mint: keys::usdc().pubkey(),
            last_blockhash: Mutex::default(),
        }
    }

    /// Mints to the owner's associated token account, made if need be, and returns its address.
    pub async fn usdc(&self, owner: &Address, amount: MicroUsdc) -> Result<Address, Error> {
        let owner = Pubkey::from(owner.0);
        let (tokens, _) = Pubkey::find_program_address(
            &[owner.as_ref(), TOKEN_PROGRAM.as_ref(), self.mint.as_ref()],
            &ASSOCIATED_TOKEN_PROGRAM,
        );
        let payer = self.key.pubkey();
        // Writable ones first, then what is only read, as a message wants them.
        let mut accounts = vec![payer, tokens, self.mint];
        let mut position = |key: Pubkey| match accounts.iter().position(|known| *known == key) {
            Some(at) => at as u8,
            None => {
                accounts.push(key);
                (accounts.len() - 1) as u8
            }
        };
        let owner_at = position(owner);
        let system_at = position(SYSTEM_PROGRAM);
        let token_at = position(TOKEN_PROGRAM);
        let associated_at = position(ASSOCIATED_TOKEN_PROGRAM);
        let create_idempotent = CompiledInstruction::new_from_raw_parts(
            associated_at,
            vec![1],
            vec![0, 1, owner_at, 2, system_at, token_at],
        );
        let mint_to = CompiledInstruction::new_from_raw_parts(
            token_at,
            [&[7], &amount.0.to_le_bytes()[..]].concat(),
            vec![2, 1, 0],
        );
        let n_read_only = (accounts.len() - 3) as u8;

        let mut last_blockhash = self.last_blockhash.lock().await;
        let blockhash = self.fresh_blockhash(*last_blockhash).await?;
        *last_blockhash = blockhash;
        let message = Message::new_with_compiled_instructions(
            1,
            0,
            n_read_only,
            accounts,
            blockhash,
            vec![create_idempotent, mint_to],
        );
        let transaction = Transaction::new(&[&self.key], message, blockhash);
        let signature = self.rpc.send_transaction(&transaction).await?;
        self.confirm(&signature).await?;
        Ok(Address(tokens.to_bytes()))
    }

    /// An airdrop, confirmed.
    pub async fn sol(&self, address: &Address, lamports: u64) -> Result<(), Error> {
        let signature = self.rpc.request_airdrop(&address.0.into(), lamports).await?;
        self.confirm(&signature).await
    }

    async fn fresh_blockhash(&self, last: Hash) -> Result<Hash, Error> {
        let deadline = Instant::now() + CONFIRMATION;
        loop {
            let found = self.rpc.get_latest_blockhash().await?;
            let blockhash = Hash::new_from_array(found.to_bytes());
            if blockhash != last {
                return Ok(blockhash);
            }
            timeout_at(deadline, sleep(POLL)).await.map_err(|_| timed_out())?;
        }
    }

    async fn confirm(&self, signature: &Signature) -> Result<(), Error> {
        let deadline = Instant::now() + CONFIRMATION;
        loop {
            let statuses = self.rpc.get_signature_statuses(&[*signature]).await?.value;
            if let Some(status) = statuses.into_iter().flatten().next()
                && status.satisfies_commitment(CommitmentConfig::confirmed())
            {
                return status.status.map_err(Error::Faucet);
            }
            timeout_at(deadline, sleep(POLL)).await.map_err(|_| timed_out())?;
        }
    }
}

fn timed_out() -> Error {
    Error::FaucetTimeout { seconds: CONFIRMATION.as_secs() }
}
