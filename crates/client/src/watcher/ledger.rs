//! What is known of each account, and which news about it is news. Pure.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use millrace_protocol::Address;

use super::Update;
use crate::accounts::AnyAccount;

/// How many slots the absence of an account is remembered, against notifications that come late.
const REMEMBERED_SLOTS: u64 = 1_000;

/// Index of the endpoint a notification came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source(pub usize);

struct Known {
    slot: u64,
    /// `None` where it was asked for.
    source: Option<Source>,
    account: Option<AnyAccount>,
}

#[derive(Default)]
pub(super) struct Ledger {
    known: HashMap<Address, Known>,
}

impl Ledger {
    /// The newest slot wins. Within one slot only the endpoint that spoke first may go on: its own
    /// order is right, a second endpoint repeats what was told. An answer has no `source`.
    pub(super) fn on_notification(
        &mut self,
        source: Option<Source>,
        address: Address,
        slot: u64,
        account: Option<AnyAccount>,
    ) -> Option<Update> {
        match self.known.entry(address) {
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                let is_newer = slot > known.slot || (slot == known.slot && is_in_order(known.source, source));
                if !is_newer {
                    return None;
                }
                let is_news = known.account != account;
                *known = Known { slot, source, account: account.clone() };
                is_news.then_some(Update { address, slot, account })
            }
            Entry::Vacant(entry) => {
                let update = account.is_some().then(|| Update { address, slot, account: account.clone() });
                entry.insert(Known { slot, source, account });
                update
            }
        }
    }

    /// The leases of a job that are known to be live.
    pub(super) fn leases_of(&self, job: Address) -> Vec<Address> {
        let lease = |known: &Known| match &known.account {
            Some(AnyAccount::Lease(lease)) if lease.job == job => Some(lease.address),
            _ => None,
        };
        self.known.values().filter_map(lease).collect()
    }

    /// A snapshot of everything, read at `slot` or later: decides also on what is gone.
    pub(super) fn on_snapshot(&mut self, slot: u64, accounts: Vec<AnyAccount>) -> Vec<Update> {
        let mut updates = Vec::new();
        let mut present = HashMap::with_capacity(accounts.len());
        for account in accounts {
            present.insert(account.address(), account);
        }
        for (address, known) in &mut self.known {
            // A notification of a later slot knows better than this snapshot.
            if known.slot > slot {
                present.remove(address);
                continue;
            }
            let account = present.remove(address);
            if known.account != account {
                updates.push(Update { address: *address, slot, account: account.clone() });
            }
            if account.is_some() || known.account.is_some() {
                *known = Known { slot, source: None, account };
            }
        }
        for (address, account) in present {
            updates.push(Update { address, slot, account: Some(account.clone()) });
            self.known.insert(address, Known { slot, source: None, account: Some(account) });
        }
        self.known.retain(|_, known| known.account.is_some() || known.slot + REMEMBERED_SLOTS > slot);
        updates.sort_by_key(|update| (update.account.as_ref().map(AnyAccount::kind), update.address));
        updates
    }
}

fn is_in_order(before: Option<Source>, now: Option<Source>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => before == now,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::ConfigAccount;
    use millrace_protocol::Parameters;

    const PLACE: Address = Address([1; 32]);
    const FIRST: Option<Source> = Some(Source(0));
    const SECOND: Option<Source> = Some(Source(1));

    fn version(number: u8) -> Option<AnyAccount> {
        let other = Address([number; 32]);
        Some(AnyAccount::Config(ConfigAccount {
            address: PLACE,
            admin: other,
            pending_admin: None,
            scheduler: other,
            arbiter: other,
            paused: false,
            treasury: other,
            mint: other,
            parameters: Parameters::default(),
        }))
    }

    fn snapshot(number: u8) -> Vec<AnyAccount> {
        version(number).into_iter().collect()
    }

    #[test]
    fn the_newest_slot_wins_and_repetition_is_no_news() {
        let mut ledger = Ledger::default();
        assert!(ledger.on_notification(FIRST, PLACE, 5, version(1)).is_some());
        assert!(ledger.on_notification(SECOND, PLACE, 5, version(1)).is_none());
        assert!(ledger.on_notification(SECOND, PLACE, 4, version(9)).is_none());
        assert!(ledger.on_notification(FIRST, PLACE, 5, version(2)).is_some());
        assert!(ledger.on_notification(SECOND, PLACE, 5, version(1)).is_none(), "the second endpoint limps behind");
        assert_eq!(ledger.on_notification(SECOND, PLACE, 6, version(3)).unwrap().account, version(3));
        assert!(ledger.on_notification(FIRST, PLACE, 7, version(3)).is_none());
    }

    #[test]
    fn a_snapshot_tells_what_was_missed_and_what_is_gone() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.on_snapshot(10, snapshot(1)).len(), 1);
        assert!(ledger.on_snapshot(11, snapshot(1)).is_empty());
        assert_eq!(ledger.on_snapshot(12, snapshot(2))[0].account, version(2));
        let gone = ledger.on_snapshot(13, Vec::new());
        assert_eq!(gone, [Update { address: PLACE, slot: 13, account: None }]);
        assert!(ledger.on_snapshot(14, Vec::new()).is_empty());
    }

    #[test]
    fn an_old_snapshot_takes_nothing_back() {
        let mut ledger = Ledger::default();
        ledger.on_notification(FIRST, PLACE, 20, version(2));
        assert!(ledger.on_snapshot(19, snapshot(1)).is_empty());
        assert!(ledger.on_snapshot(19, Vec::new()).is_empty());
        assert_eq!(ledger.on_snapshot(20, Vec::new()).len(), 1);
    }

    #[test]
    fn a_late_notification_does_not_bring_the_dead_back() {
        let mut ledger = Ledger::default();
        ledger.on_snapshot(10, snapshot(1));
        ledger.on_snapshot(11, Vec::new());
        assert!(ledger.on_notification(FIRST, PLACE, 10, version(1)).is_none());
        assert!(ledger.on_notification(FIRST, PLACE, 12, version(1)).is_some(), "opened anew");
        ledger.on_snapshot(13, Vec::new());
        ledger.on_snapshot(13 + REMEMBERED_SLOTS, Vec::new());
        assert!(ledger.known.is_empty());
    }
}
