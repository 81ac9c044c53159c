//! What a sender does when things are not as they should be.

use std::sync::Arc;

use millrace_client::accounts::JobAccount;
use millrace_client::instructions::{self, NewJob};
use millrace_client::keys::address_of;
use millrace_client::{Asset, Client, Endpoints, Error, Keypair, Refusal, Sender, address};
use millrace_protocol::{Address, Diagnostic, MicroUsdc};

use crate::market::{DEPOSIT, Market};

/// Nothing listens there.
const DEAD: &str = "http://127.0.0.1:9";

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_first_endpoint_is_passed_over_and_a_dead_last_one_named() {
    let market = Market::found().await;
    let rpc = vec![DEAD.to_owned(), market.localnet.rpc_url()];
    let client = Client::new(Endpoints { rpc, ws: Vec::new() });
    let sender = Sender::new(client.clone(), market.buyer.clone());
    sender.send(&instructions::open_job(market.new_job(1)), &[]).await.unwrap();
    assert!(client.find::<JobAccount>(address::job(address_of(&market.buyer), 1)).await.unwrap().is_some());

    let nowhere = Client::new(Endpoints::new(DEAD, ""));
    let error = nowhere.config().await.unwrap_err();
    assert_eq!(error.code(), "rpc-unreachable");
    assert!(error.hint().contains(DEAD) && error.is_transient(), "{}", error.hint());
    let silent = Client::new(Endpoints { rpc: Vec::new(), ws: Vec::new() });
    assert_eq!(silent.config().await.unwrap_err().code(), "rpc-unreachable");
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_come_back_typed_and_before_anything_is_paid() {
    let market = Market::found().await;
    let sender = market.sender(&market.buyer);
    market.open_job(1).await;
    let twice = sender.send(&instructions::open_job(market.new_job(1)), &[]).await.unwrap_err();
    assert_eq!(twice.refusal(), Some(&Refusal::AlreadyExists));
    assert!(matches!(twice, Error::Refused { instruction: "open_job", ref logs, .. } if !logs.is_empty()));

    let mut job = market.new_job(2);
    job.terms.deposit = MicroUsdc(1);
    let small = sender.send(&instructions::open_job(job), &[]).await.unwrap_err();
    assert_eq!(small.rule(), Some(millrace_protocol::Error::DepositTooSmall));
    job.terms.deposit = MicroUsdc(1_000_000_000);
    let broke = sender.send(&instructions::open_job(job), &[]).await.unwrap_err();
    assert_eq!(broke.refusal(), Some(&Refusal::InsufficientTokens));
    let told = market.client.require_usdc(job.funder, market.mint, job.terms.deposit).await.unwrap_err();
    let available = market.buyers_money().await.0;
    assert!(matches!(told, Error::InsufficientFunds { available: Some(found), .. } if found == available), "{told}");

    let pauper = Arc::new(Keypair::new());
    let (owner, new) = (address_of(&pauper), market.new_job(3));
    let job = NewJob { buyer: owner, funder: owner, ..new };
    let error = market.sender(&pauper).send(&instructions::open_job(job), &[]).await.unwrap_err();
    assert!(matches!(error, Error::InsufficientFunds { asset: Asset::Sol, available: Some(0), .. }), "{error:?}");
    let foreign = NewJob { buyer: address_of(&market.owner), ..market.new_job(4) };
    let unsigned = sender.send(&instructions::open_job(foreign), &[]).await.unwrap_err();
    assert!(matches!(unsigned, Error::SignatureInvalid { signer } if signer == address_of(&market.owner)));
    let missing = sender.send(&instructions::expire_job(Address([9; 32])), &[]).await.unwrap_err();
    assert_eq!(missing.refusal(), Some(&Refusal::NotInitialized));
    assert!(missing.refusal().unwrap().is_outdated() && !missing.is_transient());
    assert_eq!(market.buyers_money().await.0, available);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_submitted_again_change_nothing() {
    let market = Market::found().await;
    let sender = market.sender(&market.buyer);
    let prepared = sender.prepare(&instructions::open_job(market.new_job(1)), &[]).await.unwrap();
    let (bytes, height) = (&prepared.transaction, prepared.last_valid_block_height);
    let before = market.buyers_money().await;
    let first = sender.submit_signed(bytes, height).await.unwrap();
    assert_eq!(sender.submit_signed(bytes, height).await.unwrap(), first);
    assert_eq!(market.buyers_money().await, MicroUsdc(before.0 - DEPOSIT.0));

    let broken = sender.submit_signed(&bytes[1..], height).await.unwrap_err();
    assert!(matches!(broken, Error::TransactionMalformed));
    let unsigned = [&[1; 1][..], &[0; 64], &bytes[65..]].concat();
    let error = sender.submit_signed(&unsigned, height).await.unwrap_err();
    assert!(matches!(error, Error::SignatureInvalid { signer } if signer == address_of(&market.buyer)), "{error:?}");
    market.localnet.shutdown().await.unwrap();
}
