//! The network as its clients see it: through JSON-RPC and WebSocket only.

mod common;

use std::time::{Duration, Instant};

use common::{TOKEN_PROGRAM, client, faucet_address, pay_sol, pay_tokens, start};
use futures_util::StreamExt;
use millrace_localnet::{Error, Localnet, Options, SlotMode};
use millrace_protocol::{Address, MicroUsdc, PROGRAM_ID, UnixSeconds};
use solana_account_decoder_client_types::UiAccountEncoding;
use solana_keypair::Keypair;
use solana_message::Address as Pubkey;
use solana_pubsub_client::nonblocking::pubsub_client::PubsubClient;
use solana_rpc_client_api::config::{
    RpcAccountInfoConfig, RpcProgramAccountsConfig, RpcTransactionConfig, RpcTransactionLogsConfig,
    RpcTransactionLogsFilter,
};
use solana_rpc_client_api::filter::{Memcmp, RpcFilterType};
use solana_signer::Signer;
use solana_transaction::TransactionError;
use solana_transaction_status_client_types::UiTransactionEncoding;
use solana_transaction_status_client_types::option_serializer::OptionSerializer;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn it_starts_in_seconds_and_stops_with_its_ports_free() {
    let began = Instant::now();
    let localnet = start().await;
    assert!(began.elapsed() < Duration::from_secs(10), "took {:?}", began.elapsed());
    assert!(client(&localnet).get_health().await.is_ok());
    let addresses = [localnet.rpc_url(), localnet.ws_url()].map(|url| url.rsplit_once('/').unwrap().1.to_owned());
    localnet.shutdown().await.unwrap();
    for address in addresses {
        std::net::TcpListener::bind(&address).unwrap();
    }
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let options = Options { rpc_port: Some(port), ..Options::default() };
    let Err(Error::Port { port: named, .. }) = Localnet::start(options).await else {
        panic!("two listeners on one port");
    };
    assert_eq!(named, port);
}

#[tokio::test]
async fn two_networks_live_side_by_side() {
    let (one, other) = tokio::join!(start(), start());
    assert_ne!(one.rpc_url(), other.rpc_url());
    let address = Address([9; 32]);
    one.faucet_sol(&address, 5).await.unwrap_err(); // less than rent
    one.faucet_sol(&address, 1_000_000).await.unwrap();
    assert_eq!(client(&one).get_balance(&address.0.into()).await.unwrap(), 1_000_000);
    assert_eq!(client(&other).get_balance(&address.0.into()).await.unwrap(), 0);
}

#[tokio::test]
async fn the_program_is_upgradeable_by_the_admin() {
    let localnet = start().await;
    let rpc = client(&localnet);
    let program = rpc.get_account(&PROGRAM_ID.parse().unwrap()).await.unwrap();
    assert!(program.executable);
    assert_eq!(program.owner.to_string(), "BPFLoaderUpgradeab1e11111111111111111111111");
    let data = rpc.get_account(&Pubkey::try_from(&program.data[4..36]).unwrap()).await.unwrap();
    let admin = Keypair::try_from(&Localnet::admin_key()[..]).unwrap().pubkey();
    assert_eq!(data.data[..4], 3u32.to_le_bytes()); // ProgramData
    assert_eq!(data.data[12], 1); // has an authority
    assert_eq!(data.data[13..45], admin.to_bytes());
    assert_eq!(data.data[45..49], *b"\x7fELF");
}

#[tokio::test]
async fn the_faucet_adds_to_balances_and_to_supply() {
    let localnet = start().await;
    let rpc = client(&localnet);
    let owner = Address([3; 32]);
    let tokens = localnet.faucet(&owner, MicroUsdc(2_500_000)).await.unwrap();
    assert_eq!(localnet.faucet(&owner, MicroUsdc(2_500_000)).await.unwrap(), tokens);
    let balance = rpc.get_token_account_balance(&tokens.0.into()).await.unwrap();
    assert_eq!((balance.amount.as_str(), balance.decimals), ("5000000", 6));
    let supply = rpc.get_token_supply(&localnet.usdc_mint().0.into()).await.unwrap();
    assert_eq!(supply.amount, "5000000");
}

#[tokio::test]
async fn token_transfers_work_and_show_inner_instructions() {
    let localnet = start().await;
    let rpc = client(&localnet);
    let payer = Keypair::new();
    let from = Address(payer.pubkey().to_bytes());
    localnet.faucet_sol(&from, 1_000_000_000).await.unwrap();
    let source = localnet.faucet(&from, MicroUsdc(100)).await.unwrap();
    let target = localnet.faucet(&Address([4; 32]), MicroUsdc(1)).await.unwrap();
    pay_tokens(&rpc, &payer, &source, &target, 40).await;
    let balance = rpc.get_token_account_balance(&target.0.into()).await.unwrap();
    assert_eq!(balance.amount, "41");

    // Making a token account is a call from one program into another.
    let history = rpc.get_signatures_for_address(&target.0.into()).await.unwrap();
    let made = history.last().unwrap().signature.parse().unwrap();
    let config = RpcTransactionConfig {
        encoding: Some(UiTransactionEncoding::Base64),
        commitment: Some(rpc.commitment()),
        max_supported_transaction_version: Some(0),
    };
    let meta = rpc.get_transaction_with_config(&made, config).await.unwrap().transaction.meta.unwrap();
    let OptionSerializer::Some(inner) = meta.inner_instructions else { panic!("no inner instructions") };
    assert!(!inner[0].instructions.is_empty());
    let OptionSerializer::Some(logs) = meta.log_messages else { panic!("no logs") };
    assert!(logs.iter().any(|line| line.contains(&TOKEN_PROGRAM.to_string())));
    assert!(matches!(meta.compute_units_consumed, OptionSerializer::Some(units) if units > 0));
}

#[tokio::test]
async fn account_program_and_log_subscriptions_notify() {
    let localnet = start().await;
    let rpc = client(&localnet);
    let payer = Keypair::new();
    let watched = Pubkey::new_from_array([5; 32]);
    localnet.faucet_sol(&Address(payer.pubkey().to_bytes()), 1_000_000_000).await.unwrap();
    let mint: Pubkey = localnet.usdc_mint().0.into();

    let ws = PubsubClient::new(localnet.ws_url()).await.unwrap();
    let commitment = Some(rpc.commitment());
    let account_config = RpcAccountInfoConfig {
        encoding: Some(UiAccountEncoding::Base64),
        commitment,
        ..RpcAccountInfoConfig::default()
    };
    let (mut accounts, _end) = ws.account_subscribe(&watched, Some(account_config.clone())).await.unwrap();
    let program_config = RpcProgramAccountsConfig {
        filters: Some(vec![
            RpcFilterType::DataSize(165),
            RpcFilterType::Memcmp(Memcmp::new_raw_bytes(0, mint.to_bytes().to_vec())),
        ]),
        account_config,
        ..RpcProgramAccountsConfig::default()
    };
    let (mut programs, _end) = ws.program_subscribe(&TOKEN_PROGRAM, Some(program_config.clone())).await.unwrap();
    let logs_config = RpcTransactionLogsConfig { commitment };
    let mentions = RpcTransactionLogsFilter::Mentions(vec![watched.to_string()]);
    let (mut logs, _end) = ws.logs_subscribe(mentions, logs_config).await.unwrap();

    let signature = pay_sol(&rpc, &payer, &watched, 2_000_000).await;
    let notified = timeout(PATIENCE, accounts.next()).await.unwrap().unwrap();
    assert_eq!(notified.value.lamports, 2_000_000);
    let notified = timeout(PATIENCE, logs.next()).await.unwrap().unwrap();
    assert_eq!(notified.value.signature, signature.to_string());

    let tokens = localnet.faucet(&Address([6; 32]), MicroUsdc(7)).await.unwrap();
    let notified = timeout(PATIENCE, programs.next()).await.unwrap().unwrap();
    assert_eq!(notified.value.pubkey, Pubkey::from(tokens.0).to_string());

    let found = rpc.get_program_ui_accounts_with_config(&TOKEN_PROGRAM, program_config).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, tokens.0.into());
}

#[tokio::test]
async fn the_clock_follows_the_wall_clock_and_travels_ahead_only() {
    for slot in [SlotMode::Transaction, SlotMode::Clock(SlotMode::CLUSTER)] {
        let localnet = Localnet::start(Options { slot, ..Options::default() }).await.unwrap();
        let began = localnet.now().await.unwrap();
        tokio::time::sleep(Duration::from_secs(4)).await;
        let later = localnet.now().await.unwrap();
        assert!((2..=6).contains(&(later.0 - began.0)), "{slot:?}: {began:?} to {later:?}");

        let target = UnixSeconds(later.0 + 7 * 24 * 3_600);
        localnet.travel_to(target).await.unwrap();
        let there = localnet.now().await.unwrap();
        assert!((target.0..target.0 + 2).contains(&there.0), "{slot:?}: {target:?}, {there:?}");
        tokio::time::sleep(Duration::from_secs(4)).await;
        let later = localnet.now().await.unwrap();
        assert!((2..=6).contains(&(later.0 - there.0)), "{slot:?}: {there:?} to {later:?}");

        assert!(matches!(localnet.travel_to(began).await, Err(Error::Past { .. })));
        // Transactions still go through, with what was a fresh blockhash before.
        localnet.faucet(&Address([8; 32]), MicroUsdc(1)).await.unwrap();
        localnet.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_transaction_says_so_before_and_after() {
    let localnet = start().await;
    let rpc = client(&localnet);
    let payer = Keypair::new();
    let from = Address(payer.pubkey().to_bytes());
    localnet.faucet_sol(&from, 1_000_000_000).await.unwrap();
    let source = localnet.faucet(&from, MicroUsdc(1)).await.unwrap();
    let target = localnet.faucet(&Address([4; 32]), MicroUsdc(1)).await.unwrap();
    let transaction = common::token_transfer(&rpc, &payer, &source, &target, 2).await;
    let simulated = rpc.simulate_transaction(&transaction).await.unwrap().value;
    assert!(simulated.err.is_some());
    assert!(simulated.logs.unwrap().iter().any(|line| line.contains("insufficient funds")));
    let refused = rpc.send_transaction(&transaction).await.unwrap_err();
    assert!(refused.get_transaction_error().is_some(), "{refused:?}");
}

#[tokio::test]
async fn cut_connections_can_be_made_again() {
    let localnet = start().await;
    let ws = PubsubClient::new(localnet.ws_url()).await.unwrap();
    let (mut slots, _end) = ws.slot_subscribe().await.unwrap();
    localnet.cut_connections();
    while timeout(PATIENCE, slots.next()).await.unwrap().is_some() {}
    drop(slots);
    let ws = PubsubClient::new(localnet.ws_url()).await.unwrap();
    let (mut slots, _end) = ws.slot_subscribe().await.unwrap();
    localnet.faucet_sol(&faucet_address(), 1_000_000).await.unwrap();
    assert!(timeout(PATIENCE, slots.next()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_transaction_is_good_once_and_for_150_blocks() {
    let localnet = start().await;
    let rpc = client(&localnet);
    let payer = Keypair::new();
    let from = Address(payer.pubkey().to_bytes());
    localnet.faucet_sol(&from, 1_000_000_000).await.unwrap();
    let source = localnet.faucet(&from, MicroUsdc(100)).await.unwrap();
    let target = localnet.faucet(&Address([4; 32]), MicroUsdc(1)).await.unwrap();

    let paid = common::token_transfer(&rpc, &payer, &source, &target, 2).await;
    rpc.send_and_confirm_transaction(&paid).await.unwrap();
    rpc.send_transaction(&paid).await.unwrap_err();
    let balance = rpc.get_token_account_balance(&target.0.into()).await.unwrap();
    assert_eq!(balance.amount, "3");

    let late = common::token_transfer(&rpc, &payer, &source, &target, 2).await;
    for n in 0..170 {
        localnet.faucet_sol(&Address([7; 32]), 1_000_000 + n).await.unwrap();
    }
    let refused = rpc.send_transaction(&late).await.unwrap_err();
    assert_eq!(refused.get_transaction_error(), Some(TransactionError::BlockhashNotFound));
}

#[tokio::test]
async fn a_dropped_network_gives_its_ports_back() {
    let localnet = start().await;
    let address = localnet.rpc_url().rsplit_once('/').unwrap().1.to_owned();
    drop(localnet);
    timeout(PATIENCE, async {
        while std::net::TcpListener::bind(&address).is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn another_program_can_be_loaded_in_its_place() {
    let program = include_bytes!("../../../../programs/millrace/deploy/millrace.so");
    // Bytes after the end of an ELF file are not looked at.
    let longer = [&program[..], &[0; 64]].concat();
    let options = Options { slot: SlotMode::Transaction, program: Some(longer.clone()), ..Options::default() };
    let localnet = Localnet::start(options).await.unwrap();
    let rpc = client(&localnet);
    let program = rpc.get_account(&PROGRAM_ID.parse().unwrap()).await.unwrap();
    let data = rpc.get_account(&Pubkey::try_from(&program.data[4..36]).unwrap()).await.unwrap();
    assert_eq!(data.data[45..], longer);
}
