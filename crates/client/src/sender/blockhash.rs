//! A recent blockhash that others know as well.

use std::sync::Arc;

use serde_json::json;
use solana_commitment_config::CommitmentConfig;
use solana_hash::Hash;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::client_error::ErrorKind;
use solana_rpc_client_api::request::{RpcError as Answer, RpcRequest};
use solana_rpc_client_api::response::{Response, RpcBlockhash};

use tokio::time::Instant;

use super::Sender;
use crate::Error;
use crate::client::RpcResult;

/// In slots, about 13 s of the minute that a blockhash lives.
const ABOUT_AS_NEW: u64 = 32;

/// One endpoint's newest blockhash.
#[derive(Clone, Copy)]
struct Offer {
    endpoint: usize,
    slot: u64,
    blockhash: Hash,
    last_valid: u64,
}

impl Sender {
    /// A blockhash to sign with, and the last block height it is good for: the newest one that a second
    /// endpoint knows too, of those that are about as new. Where nobody knows another's, the newest at first,
    /// and another one's at each further signing: a forged one spoils at most every other attempt.
    pub(super) async fn blockhash(&self, signing: u32) -> Result<(Hash, u64), Error> {
        let asked_at = Instant::now();
        let mut offers = self.offers().await;
        let claims: Vec<u64> = offers.iter().map(|offer| offer.slot).collect();
        let Some(newest) = self.client.believe(&claims, asked_at) else {
            let (_, blockhash, last_valid) = self.client.ask(|rpc| async move { newest(&rpc).await }).await?;
            return Ok((blockhash, last_valid));
        };
        let top = offers[newest].slot;
        offers.sort_by_key(|offer| (offer.slot > top, std::cmp::Reverse(offer.slot)));
        if offers.len() > 1 {
            for offer in
                offers.iter().filter(|offer| offer.slot <= top && offer.slot.saturating_add(ABOUT_AS_NEW) >= top)
            {
                if self.is_known_elsewhere(offer).await {
                    return Ok((offer.blockhash, offer.last_valid));
                }
            }
        }
        let turn = usize::try_from(signing.saturating_sub(1)).unwrap_or(0) % offers.len();
        Ok((offers[turn].blockhash, offers[turn].last_valid))
    }

    async fn offers(&self) -> Vec<Offer> {
        if self.client.endpoints().rpc.len() == 1 {
            return Vec::new();
        }
        let mut offers = Vec::new();
        let suffices = |(slot, ..): &(u64, Hash, u64)| self.client.allows(*slot);
        for (endpoint, answer) in self.client.ask_each(|rpc| async move { newest(&rpc).await }, suffices).await {
            match answer {
                Ok((slot, blockhash, last_valid)) => offers.push(Offer { endpoint, slot, blockhash, last_valid }),
                Err(error) => tracing::debug!(endpoint, %error, "an endpoint has no blockhash"),
            }
        }
        offers
    }

    /// `processed`, because the other one may be a few slots behind.
    async fn is_known_elsewhere(&self, offer: &Offer) -> bool {
        let blockhash = offer.blockhash;
        let answers = self.client.ask_each(
            |rpc| async move { rpc.is_blockhash_valid(&blockhash, CommitmentConfig::processed()).await },
            |is_valid| *is_valid,
        );
        answers.await.into_iter().any(|(endpoint, answer)| endpoint != offer.endpoint && answer.is_ok_and(|it| it))
    }
}

async fn newest(rpc: &Arc<RpcClient>) -> RpcResult<(u64, Hash, u64)> {
    let config = json!([CommitmentConfig::confirmed()]);
    let found: Response<RpcBlockhash> = rpc.send(RpcRequest::GetLatestBlockhash, config).await?;
    let blockhash = found.value.blockhash.parse();
    let blockhash = blockhash.map_err(|_| ErrorKind::RpcError(Answer::ParseError("blockhash".to_owned())))?;
    Ok((found.context.slot, blockhash, found.value.last_valid_block_height))
}
