//! What is known of each account, and which news about it is news. Pure.
//!
//! Slots order readings with each other, and the notifications of one endpoint come in their own order.
//! Between the two kinds, a slot is only a hint: some nodes name the slot of the subscription with every
//! notification, and a broken one names any. So a notification that differs from what is known is taken
//! where its slot says that it is newer and the chain can have reached that slot, and is otherwise a reason
//! to read the account. What a reading says gives way to an earlier notification of a later slot, but not
//! for longer than [`Ledger::DOUBT`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use millrace_protocol::Address;

use super::Update;
use crate::accounts::AnyAccount;

/// Index of the endpoint a notification came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source(pub usize);

/// What a notification turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "almost every one is news")]
pub(super) enum News {
    Newer(Update),
    /// Known already.
    Repeated,
    /// Differs from what is known, and its slot decides nothing.
    Doubtful,
}

/// A notification.
pub(super) struct Heard {
    pub source: Source,
    pub address: Address,
    pub slot: u64,
    pub account: Option<AnyAccount>,
}

struct Known {
    slot: u64,
    /// Where it was heard, when, and how far readings had come by then; `None` where it was read.
    heard: Option<(Source, Instant, u64)>,
    /// `None`: it is gone.
    account: Option<AnyAccount>,
}

#[derive(Default)]
pub(super) struct Ledger {
    known: HashMap<Address, Known>,
    /// The slot of the newest reading.
    read_to: u64,
}

impl Ledger {
    /// How many slots a notification may be ahead of what was read: a reading every 30 s is 75 slots behind.
    pub const AHEAD: u64 = 150;
    /// How many slots the absence of an account is remembered, against notifications that come late.
    pub const REMEMBERED: u64 = 1_000;
    /// How long a notification may contradict readings that have moved on since.
    pub const DOUBT: Duration = Duration::from_secs(10);

    /// Takes a notification. `horizon` is the newest slot that the chain is believed to have reached.
    pub fn on_heard(&mut self, heard: Heard, horizon: u64, now: Instant) -> News {
        let Heard { source, address, slot, account } = heard;
        let is_possible = slot <= horizon.max(self.read_to).saturating_add(Self::AHEAD);
        let before = self.known.get(&address);
        if before.is_some_and(|known| known.account == account) || (before.is_none() && account.is_none()) {
            return News::Repeated;
        }
        let is_newer = match before {
            None => true,
            Some(known) if slot == known.slot => known.heard.is_some_and(|(before, ..)| before == source),
            Some(known) => slot > known.slot,
        };
        if !is_newer || !is_possible {
            return News::Doubtful;
        }
        let heard = Some((source, now, self.read_to));
        self.known.insert(address, Known { slot, heard, account: account.clone() });
        News::Newer(Update { address, slot, account })
    }

    /// Takes what an account was found to be. `Err` where something newer is known: it is to be read again.
    pub fn on_read(
        &mut self,
        address: Address,
        slot: u64,
        account: Option<AnyAccount>,
        now: Instant,
    ) -> Result<Option<Update>, Outdated> {
        let is_outdated = |known: &Known| {
            let outlasted = known
                .heard
                .is_some_and(|(_, at, read_to)| slot > read_to && now.saturating_duration_since(at) >= Self::DOUBT);
            slot < known.slot && !outlasted
        };
        let before = self.known.get(&address);
        self.read_to = self.read_to.max(slot);
        if before.is_some_and(is_outdated) {
            // The same state seen at an older slot is no contradiction.
            return if before.is_some_and(|known| known.account == account) { Ok(None) } else { Err(Outdated) };
        }
        let is_known = before.map_or(account.is_none(), |known| known.account == account);
        if before.is_some() || account.is_some() {
            self.known.insert(address, Known { slot, heard: None, account: account.clone() });
        }
        Ok((!is_known).then_some(Update { address, slot, account }))
    }

    /// The slot of the newest reading.
    pub fn read_to(&self) -> u64 {
        self.read_to
    }

    /// Accounts that are known to exist and are not among these.
    pub fn missing_from(&self, present: &[AnyAccount]) -> Vec<Address> {
        let present: std::collections::HashSet<_> = present.iter().map(AnyAccount::address).collect();
        let live = self.known.iter().filter(|(_, known)| known.account.is_some()).map(|(address, _)| *address);
        let mut missing: Vec<_> = live.filter(|address| !present.contains(address)).collect();
        missing.sort_unstable();
        missing
    }

    /// The leases of a job that are known to be live.
    pub fn leases_of(&self, job: Address) -> Vec<Address> {
        let lease = |known: &Known| match &known.account {
            Some(AnyAccount::Lease(lease)) if lease.job == job => Some(lease.address),
            _ => None,
        };
        self.known.values().filter_map(lease).collect()
    }

    /// Forgets accounts that are gone for long.
    pub fn prune(&mut self) {
        let read_to = self.read_to;
        self.known.retain(|_, known| known.account.is_some() || known.slot.saturating_add(Self::REMEMBERED) > read_to);
    }
}

/// A reading that is older than what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outdated;

#[cfg(test)]
mod tests;
