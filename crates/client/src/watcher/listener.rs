//! One WebSocket endpoint: subscribed, watched for silence, connected again with patience.

use std::time::Duration;

use futures_util::StreamExt;
use millrace_protocol::Address;
use solana_pubsub_client::nonblocking::pubsub_client::{PubsubClient, PubsubClientError};
use tokio::sync::mpsc;

use super::{WatcherOptions, bytes};
use crate::fetch::program_config;

/// How long a server may take to accept a connection or a subscription.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Heard {
    /// Index of the endpoint.
    pub endpoint: usize,
    pub notice: Notice,
}

pub(super) enum Notice {
    /// Subscribed: from here on nothing is missed.
    Connected {
        is_first: bool,
    },
    Account {
        address: Address,
        slot: u64,
        data: Vec<u8>,
    },
}

pub(super) async fn listen(index: usize, url: String, options: WatcherOptions, heard: mpsc::Sender<Heard>) {
    let mut is_first = true;
    let mut backoff = options.backoff;
    while !heard.is_closed() {
        match session(index, &url, options.silence, is_first, &heard).await {
            Ok(()) => {
                tracing::info!(endpoint = url, "the WebSocket has ended and is opened again");
                is_first = false;
                backoff = options.backoff;
            }
            Err(error) => {
                tracing::debug!(endpoint = url, %error, "the WebSocket cannot be opened");
                backoff = (backoff * 2).min(options.longest_backoff);
            }
        }
        tokio::time::sleep(backoff).await;
    }
}

/// One connection, from subscription to its end.
async fn session(
    endpoint: usize,
    url: &str,
    silence: Duration,
    is_first: bool,
    heard: &mpsc::Sender<Heard>,
) -> Result<(), PubsubClientError> {
    let client = in_time(PubsubClient::new(url)).await?;
    {
        let (mut changes, _unsubscribe) =
            in_time(client.program_subscribe(&millrace::ID, Some(program_config()))).await?;
        let tell = |notice| heard.send(Heard { endpoint, notice });
        if tell(Notice::Connected { is_first }).await.is_err() {
            return Ok(());
        }
        while let Ok(Some(change)) = tokio::time::timeout(silence, changes.next()).await {
            let Ok(key) = change.value.pubkey.parse::<anchor_lang::prelude::Pubkey>() else { continue };
            let notice = Notice::Account {
                address: crate::address::address(key),
                slot: change.context.slot,
                data: bytes(&change.value.account),
            };
            if tell(notice).await.is_err() {
                break;
            }
        }
    }
    // A server that is gone cannot say goodbye.
    let _ = tokio::time::timeout(PATIENCE, client.shutdown()).await;
    Ok(())
}

async fn in_time<T>(step: impl Future<Output = Result<T, PubsubClientError>>) -> Result<T, PubsubClientError> {
    let late = |_| PubsubClientError::ConnectionClosed("no answer in time".to_owned());
    tokio::time::timeout(PATIENCE, step).await.map_err(late)?
}
