//! A follower's readings: of accounts in doubt, and of everything.

use std::collections::BTreeSet;
use std::time::Duration;

use millrace_protocol::Address;
use tokio::time::Instant;

use super::{Follower, GAP_PAUSE};
use crate::Error;
use crate::accounts::AnyAccount;
use crate::fetch::any;
use crate::watcher::ledger::Outdated;
use crate::watcher::{Event, Scope};

/// Before an account is read again because an endpoint was behind.
const READ_AGAIN: Duration = Duration::from_millis(400);

impl Follower {
    pub(super) async fn read_doubts(&mut self) {
        let addresses: Vec<Address> = std::mem::take(&mut self.state.doubts).into_iter().collect();
        match self.read(&addresses).await {
            Ok(()) => self.state.reads = Some(true),
            Err(error) => {
                tracing::debug!(%error, "accounts in doubt are read later");
                self.state.reads = Some(false);
                self.doubt(addresses, self.options.longest_backoff.min(READ_AGAIN * 4));
            }
        }
        self.tell_sight().await;
    }

    /// Reads accounts and tells what is new; those that an endpoint is behind with stay in doubt.
    async fn read(&mut self, addresses: &[Address]) -> Result<(), Error> {
        if addresses.is_empty() {
            return Ok(());
        }
        let (slot, found) = self.client.chain_accounts(addresses).await?;
        for (address, account) in addresses.iter().zip(found) {
            let account = match account {
                None => None,
                // Closed in the program's eyes: what is there now is somebody else's.
                Some(account) if account.owner != millrace::ID => None,
                Some(account) => match any(*address, &account.data) {
                    Some(account) => Some(account),
                    None => continue,
                },
            };
            self.take(*address, slot, account).await;
        }
        Ok(())
    }

    async fn take(&mut self, address: Address, slot: u64, account: Option<AnyAccount>) {
        match self.state.ledger.on_read(address, slot, account, std::time::Instant::now()) {
            Ok(Some(update)) => self.tell(Event::Update(update)).await,
            Ok(None) => {}
            Err(Outdated) => self.doubt([address], READ_AGAIN),
        }
    }

    pub(super) async fn reconcile(&mut self) {
        let read = match &*self.scope.clone() {
            Scope::Program => self.reconcile_program().await,
            Scope::Accounts(addresses) => self.read(addresses).await,
        };
        let now = Instant::now();
        match read {
            Ok(()) => {
                self.state.ledger.prune();
                self.state.reads = Some(true);
                self.state.backoff = self.options.backoff;
                if now >= self.state.gap_read_from {
                    self.state.gap_pause = GAP_PAUSE;
                }
                let every =
                    if self.state.up.is_empty() { self.options.poll_every } else { self.options.reconcile_every };
                self.state.reconcile_at = now + every.min(self.options.reconcile_every);
                let slot = self.state.ledger.read_to();
                self.tell(Event::Reconciled { slot }).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the accounts cannot be reconciled now");
                self.state.reads = Some(false);
                self.state.reconcile_at = now + self.state.backoff;
                self.state.backoff = (self.state.backoff * 2).min(self.options.longest_backoff);
            }
        }
        self.tell_sight().await;
    }

    async fn reconcile_program(&mut self) -> Result<(), Error> {
        let (slot, accounts) = self.client.program_accounts(Vec::new()).await?;
        let mut present: Vec<_> = accounts.iter().filter_map(|(address, data)| any(*address, data)).collect();
        // Those that are there and do not decode are not gone.
        let listed: BTreeSet<_> = accounts.iter().map(|(address, _)| *address).collect();
        present.sort_by_key(|account| (account.kind(), account.address()));
        let missing = self.state.ledger.missing_from(&present);
        for account in present {
            self.take(account.address(), slot, Some(account)).await;
        }
        // That an account is gone is told only after asking for it by name, of every endpoint.
        let gone: Vec<_> = missing.into_iter().filter(|address| !listed.contains(address)).collect();
        self.read(&gone).await
    }
}
