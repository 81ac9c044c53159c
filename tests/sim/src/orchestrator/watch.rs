//! How the orchestrator sees the chain: told of changes, some of which get lost, and by full readings.

use std::collections::BTreeMap;

use millrace_protocol::{Address, UnixSeconds};

use super::Input;
use crate::ledger::Account;
use crate::scenario::Fault;
use crate::simulation::{Chore, Simulation};

/// Between two full readings.
const RECONCILE_EVERY: u64 = 30_000;
/// Until a failed reading is tried again.
const RETRY: u64 = 2_000;

impl Simulation {
    /// An account has changed in a confirmed slot. Notifications come in their order, or not at all.
    pub fn tell_watcher(&mut self, address: Address) {
        let lost = self.scenario.weather.notifications_lost;
        if !self.orchestrator.is_up() || self.meets_silence() || self.chance(lost) {
            return;
        }
        let (slot, account) = (self.chain.confirmed_slot, self.chain.confirmed.read(address).map(Box::new));
        let at = self.now + self.delay();
        let Some(running) = &mut self.orchestrator.running else { return };
        running.last_told_at = running.last_told_at.max(at);
        let after = running.last_told_at - self.now;
        self.chore(after, Chore::Told { slot, address, account });
    }

    pub(super) fn told(&mut self, slot: u64, address: Address, account: Option<Account>) {
        let Some(running) = &mut self.orchestrator.running else { return };
        if running.told.get(&address).is_some_and(|(known, _)| *known > slot) {
            return;
        }
        running.told.insert(address, (slot, account.clone()));
        self.take_in(Input::Updates { updates: vec![(slot, address, account)], then: None });
    }

    /// Begins a full reading, unless one is under way.
    pub(super) fn reconcile(&mut self) {
        let unreachable = self.suffers(Fault::ChainUnreachable);
        let Some(running) = &mut self.orchestrator.running else { return };
        if running.reading {
            return;
        }
        if unreachable {
            return self.chore(RETRY, Chore::Reconcile);
        }
        running.reading = true;
        let ledger = &self.chain.confirmed;
        let accounts: BTreeMap<Address, Account> =
            ledger.addresses().into_iter().filter_map(|address| Some((address, ledger.read(address)?))).collect();
        let (slot, clock) = (self.chain.confirmed_slot, self.chain.clock);
        let delay = self.delay() * 2;
        self.chore(delay, Chore::Reading { slot, clock, accounts });
    }

    pub(super) fn reading(&mut self, slot: u64, _clock: UnixSeconds, accounts: BTreeMap<Address, Account>) {
        let order = {
            let Some(running) = &mut self.orchestrator.running else { return };
            running.reading = false;
            let mut order: Vec<Address> = accounts.keys().copied().collect();
            // Leases before the jobs that count them.
            order.sort_by_key(|address| (address.0[0] == b'J', *address));
            order.extend(running.told.keys().filter(|address| !accounts.contains_key(*address)).copied());
            order
        };
        for address in order {
            let account = accounts.get(&address).cloned();
            let Some(running) = &mut self.orchestrator.running else { return };
            let known = running.told.get(&address);
            let news = known.is_none_or(|(told_in, told)| *told_in <= slot && *told != account);
            if news {
                running.told.insert(address, (slot, account.clone()));
                self.take_in(Input::Updates { updates: vec![(slot, address, account)], then: None });
            }
        }
        self.take_in(Input::Reconciled);
        self.chore(RECONCILE_EVERY, Chore::Reconcile);
    }
}
