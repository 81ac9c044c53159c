//! A recent blockhash that others know as well.

use std::sync::Arc;

use serde_json::json;
use solana_commitment_config::CommitmentConfig;
use solana_hash::Hash;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::client_error::ErrorKind;
use solana_rpc_client_api::request::{RpcError as Answer, RpcRequest};
use solana_rpc_client_api::response::{Response, RpcBlockhash};

use super::Sender;
use crate::Error;
use crate::client::RpcResult;

/// One endpoint's newest blockhash.
#[derive(Clone, Copy)]
struct Offer {
    endpoint: usize,
    slot: u64,
    blockhash: Hash,
    last_valid: u64,
}

impl Sender {
    /// A blockhash to sign with, and the last block height it is good for. Of several endpoints' newest,
    /// the newest one that another endpoint knows too; where there is none, another one's at each signing,
    /// so that an endpoint that offers a dead one spoils at most every other attempt.
    pub(super) async fn blockhash(&self, signing: u32) -> Result<(Hash, u64), Error> {
        if self.client.endpoints().rpc.len() == 1 {
            let offer = self.client.ask(|rpc| async move { newest(&rpc).await }).await?;
            return Ok((offer.1, offer.2));
        }
        let answers = self.client.ask_each(|rpc| async move { newest(&rpc).await }, |_| true).await;
        let mut offers: Vec<Offer> = Vec::new();
        for (endpoint, answer) in answers {
            match answer {
                Ok((slot, blockhash, last_valid)) => offers.push(Offer { endpoint, slot, blockhash, last_valid }),
                Err(error) => tracing::debug!(endpoint, %error, "an endpoint has no blockhash"),
            }
        }
        offers.sort_by_key(|offer| std::cmp::Reverse(offer.last_valid));
        if offers.len() > 1 {
            for offer in &offers {
                if self.is_known_elsewhere(offer).await {
                    return Ok((offer.blockhash, offer.last_valid));
                }
            }
        }
        let believed = self.client.believe(&offers.iter().map(|offer| offer.slot).collect::<Vec<_>>());
        match believed {
            Some(first) => {
                let turn = usize::try_from(signing.saturating_sub(1)).unwrap_or(0);
                let offer = offers[(first + turn) % offers.len()];
                Ok((offer.blockhash, offer.last_valid))
            }
            None => {
                let offer = self.client.ask(|rpc| async move { newest(&rpc).await }).await?;
                Ok((offer.1, offer.2))
            }
        }
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
