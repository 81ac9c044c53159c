//! One WebSocket endpoint: subscribed, watched for silence and for missed slots, connected again with
//! patience.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{BoxStream, SelectAll};
use futures_util::{StreamExt, stream};
use millrace_protocol::Address;
use solana_account_decoder_client_types::UiAccount;
use solana_pubsub_client::nonblocking::pubsub_client::{PubsubClient, PubsubClientError};
use solana_rpc_client_api::response::SlotInfo;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;

use super::{Gap, Scope, WatcherOptions};
use crate::address::{address, pubkey};
use crate::fetch::{account_config, program_config};

/// How long a server may take to accept a connection or a subscription.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may say nothing where it has no slots to tell.
const SILENCE_WITHOUT_SLOTS: Duration = Duration::from_secs(90);

pub(super) struct Message {
    /// Index of the endpoint.
    pub endpoint: usize,
    pub notice: Notice,
}

pub(super) enum Notice {
    /// Subscribed: from here on changes are told.
    Up,
    /// The connection is gone.
    Down,
    /// Something was not told.
    Gap(Gap),
    Slot(u64),
    Account {
        address: Address,
        slot: u64,
        account: UiAccount,
    },
}

/// What comes over one connection.
enum Heard {
    Slot(SlotInfo),
    Account { address: Address, slot: u64, account: UiAccount },
}

pub(super) struct Listener {
    pub endpoint: usize,
    pub url: String,
    pub scope: Arc<Scope>,
    pub options: WatcherOptions,
    pub messages: mpsc::Sender<Message>,
}

impl Listener {
    /// Until the watcher is dropped.
    pub async fn run(self) {
        let mut backoff = self.options.backoff;
        let mut was_up = false;
        while !self.messages.is_closed() {
            match self.session(was_up).await {
                Ok(()) => {
                    tracing::info!(endpoint = self.url, "the WebSocket has ended and is opened again");
                    was_up = true;
                    backoff = self.options.backoff;
                    // Waits for room: that it is down must not get lost.
                    let _ = self.messages.send(Message { endpoint: self.endpoint, notice: Notice::Down }).await;
                }
                Err(error) => {
                    tracing::debug!(endpoint = self.url, %error, "the WebSocket cannot be opened");
                    backoff = (backoff * 2).min(self.options.longest_backoff);
                }
            }
            tokio::time::sleep(backoff).await;
        }
    }

    /// One connection, from subscription to its end.
    async fn session(&self, was_up: bool) -> Result<(), PubsubClientError> {
        let client = in_time(PubsubClient::new(&self.url)).await?;
        {
            let mut heard = in_time(self.accounts(&client)).await?;
            // Not every provider tells slots.
            let silence = match in_time(client.slot_subscribe()).await {
                Ok((slots, _)) => {
                    heard.push(slots.map(Heard::Slot).boxed());
                    self.options.silence
                }
                Err(error) => {
                    tracing::debug!(endpoint = self.url, %error, "missed slots cannot be noticed here");
                    SILENCE_WITHOUT_SLOTS.max(self.options.silence)
                }
            };
            let notice = if was_up { Notice::Gap(Gap::Reconnected) } else { Notice::Up };
            if self.messages.send(Message { endpoint: self.endpoint, notice }).await.is_err() {
                return Ok(());
            }
            self.pass_on(heard, silence).await;
        }
        // A server that is gone cannot say goodbye.
        let _ = timeout(PATIENCE, client.shutdown()).await;
        Ok(())
    }

    async fn accounts<'a>(
        &self,
        client: &'a PubsubClient,
    ) -> Result<SelectAll<BoxStream<'a, Heard>>, PubsubClientError> {
        let mut heard = stream::SelectAll::new();
        match &*self.scope {
            Scope::Program => {
                let (changes, _) = client.program_subscribe(&millrace::ID, Some(program_config())).await?;
                let read = |change: solana_rpc_client_api::response::Response<_>| async move {
                    let keyed: solana_rpc_client_api::response::RpcKeyedAccount = change.value;
                    let key: anchor_lang::prelude::Pubkey = keyed.pubkey.parse().ok()?;
                    Some(Heard::Account { address: address(key), slot: change.context.slot, account: keyed.account })
                };
                heard.push(changes.filter_map(read).boxed());
            }
            Scope::Accounts(addresses) => {
                for address in addresses.iter().copied() {
                    let (changes, _) = client.account_subscribe(&pubkey(address), Some(account_config())).await?;
                    let read = move |change: solana_rpc_client_api::response::Response<UiAccount>| Heard::Account {
                        address,
                        slot: change.context.slot,
                        account: change.value,
                    };
                    heard.push(changes.map(read).boxed());
                }
            }
        }
        Ok(heard)
    }

    /// Until the connection ends or is silent. Never waits for the watcher's user: what does not fit is
    /// dropped and told as a gap, so that nothing piles up in the connection.
    async fn pass_on(&self, mut heard: SelectAll<BoxStream<'_, Heard>>, silence: Duration) {
        let mut last_slot = None;
        let mut gap = None;
        while let Ok(Some(next)) = timeout(silence, heard.next()).await {
            let notice = match next {
                Heard::Slot(slot) => {
                    gap = gap.or_else(|| missed(last_slot, &slot));
                    last_slot = Some(slot.slot);
                    Notice::Slot(slot.slot)
                }
                Heard::Account { address, slot, account } => Notice::Account { address, slot, account },
            };
            let mut told = Ok(());
            if let Some(found) = gap {
                told = self.messages.try_send(Message { endpoint: self.endpoint, notice: Notice::Gap(found) });
                gap = told.is_err().then_some(found);
            }
            if told.is_ok() {
                told = self.messages.try_send(Message { endpoint: self.endpoint, notice });
            }
            match told {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => gap = gap.or(Some(Gap::Overrun)),
                Err(TrySendError::Closed(_)) => return,
            }
        }
    }
}

/// Each slot names its parent: one that is not the last one told, or before it, was not told.
fn missed(last: Option<u64>, slot: &SlotInfo) -> Option<Gap> {
    let last = last?;
    (slot.parent > last).then_some(Gap::SlotsMissed { from: last, to: slot.parent })
}

async fn in_time<T>(step: impl Future<Output = Result<T, PubsubClientError>>) -> Result<T, PubsubClientError> {
    let late = |_| PubsubClientError::ConnectionClosed("no answer in time".to_owned());
    timeout(PATIENCE, step).await.map_err(late)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_whose_parent_was_not_told_is_a_gap() {
        let slot = |slot, parent| SlotInfo { slot, parent, root: 0 };
        assert_eq!(missed(None, &slot(9, 8)), None);
        assert_eq!(missed(Some(8), &slot(9, 8)), None);
        assert_eq!(missed(Some(8), &slot(12, 8)), None, "skipped by its leader");
        assert_eq!(missed(Some(8), &slot(9, 7)), None, "another fork");
        assert_eq!(missed(Some(8), &slot(12, 11)), Some(Gap::SlotsMissed { from: 8, to: 11 }));
    }
}
