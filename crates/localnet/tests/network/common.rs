//! What the tests of a network share: a client, and payments by plain transactions.

use millrace_localnet::{Localnet, Options, SlotMode};
use millrace_protocol::Address;
use solana_commitment_config::CommitmentConfig;
use solana_hash::Hash;
use solana_keypair::Keypair;
use solana_message::compiled_instruction::CompiledInstruction;
use solana_message::{Address as Pubkey, Message};
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::Transaction;

pub const TOKEN_PROGRAM: Pubkey = Pubkey::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
const SYSTEM_PROGRAM: Pubkey = Pubkey::new_from_array([0; 32]);

pub async fn start() -> Localnet {
    Localnet::start(Options { slot: SlotMode::Transaction, ..Options::default() }).await.unwrap()
}

pub fn client(localnet: &Localnet) -> RpcClient {
    RpcClient::new_with_commitment(localnet.rpc_url(), CommitmentConfig::confirmed())
}

pub fn faucet_address() -> Address {
    Address([11; 32])
}

pub async fn pay_sol(rpc: &RpcClient, payer: &Keypair, to: &Pubkey, lamports: u64) -> Signature {
    let data = [&2u32.to_le_bytes()[..], &lamports.to_le_bytes()].concat();
    let accounts = vec![payer.pubkey(), *to, SYSTEM_PROGRAM];
    let transaction = sign(rpc, payer, accounts, 1, CompiledInstruction::new_from_raw_parts(2, data, vec![0, 1])).await;
    rpc.send_and_confirm_transaction(&transaction).await.unwrap()
}

pub async fn pay_tokens(rpc: &RpcClient, payer: &Keypair, source: &Address, target: &Address, amount: u64) {
    let transaction = token_transfer(rpc, payer, source, target, amount).await;
    rpc.send_and_confirm_transaction(&transaction).await.unwrap();
}

pub async fn token_transfer(
    rpc: &RpcClient,
    payer: &Keypair,
    source: &Address,
    target: &Address,
    amount: u64,
) -> Transaction {
    let data = [&[3], &amount.to_le_bytes()[..]].concat();
    let accounts = vec![payer.pubkey(), source.0.into(), target.0.into(), TOKEN_PROGRAM];
    sign(rpc, payer, accounts, 1, CompiledInstruction::new_from_raw_parts(3, data, vec![1, 2, 0])).await
}

async fn sign(
    rpc: &RpcClient,
    payer: &Keypair,
    accounts: Vec<Pubkey>,
    n_read_only: u8,
    instruction: CompiledInstruction,
) -> Transaction {
    let blockhash = Hash::new_from_array(rpc.get_latest_blockhash().await.unwrap().to_bytes());
    let message = Message::new_with_compiled_instructions(1, 0, n_read_only, accounts, blockhash, vec![instruction]);
    Transaction::new(&[payer], message, blockhash)
}
