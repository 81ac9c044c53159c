use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, MicroUsdc, UnixSeconds, money};

use crate::agent::ChallengeRefusal;
use crate::{Action, Agent, Lease, LeasePhase, LeaseTerms, Record, Report, StopReason, TaskKey};

impl Agent {
    pub(super) fn on_offer_accepted(&mut self, lease: Address, terms: LeaseTerms, actions: &mut Vec<Action>) {
        if self.leases.get(&lease).is_some_and(|known| known.phase != LeasePhase::Offered) {
            return;
        }
        self.give_up_challenge(ChallengeRefusal::JobCame, actions);
        actions.push(Action::Journal(Record::LeaseAccepted { lease, terms: terms.clone() }));
        self.bids.take(terms.job, terms.price, lease);
        self.leases.insert(lease, Lease::new(terms));
    }

    /// No further task comes: stop what runs, then say what was made. Repeating it repeats the report.
    pub(crate) fn on_end_lease(&mut self, address: Address, now: UnixSeconds, actions: &mut Vec<Action>) {
        let Some(lease) = self.leases.get_mut(&address) else {
            // Closed long ago, or lost with the journal: either way nothing of it is here.
            let result_root = self.result_root(address);
            actions.push(Action::Report(Report::LeaseEnded { lease: address, result_root }));
            return;
        };
        match lease.phase {
            LeasePhase::Reported { result_root } => {
                actions.push(Action::Report(Report::LeaseEnded { lease: address, result_root }));
            }
            LeasePhase::Ending | LeasePhase::Over => {}
            LeasePhase::Offered | LeasePhase::Held => {
                lease.phase = LeasePhase::Ending;
                actions.push(Action::Journal(Record::LeaseEnding { lease: address }));
                self.stop_all(address, now, actions);
                self.report_if_empty(address, now, actions);
            }
        }
    }

    /// The lease ends, and what it made is counted with others' results. The first word's salt counts.
    pub(super) fn on_count_lease(
        &mut self,
        address: Address,
        salt: [u8; 32],
        now: UnixSeconds,
        actions: &mut Vec<Action>,
    ) {
        if let Some(lease) = self.leases.get_mut(&address).filter(|lease| lease.is_live() && lease.salt.is_none()) {
            lease.salt = Some(salt);
            actions.push(Action::Journal(Record::LeaseCounted { lease: address, salt }));
        }
        self.on_end_lease(address, now, actions);
    }

    /// Whoever says so may have lost its memory, or be somebody else on the way. For that word the lease's tasks stop,
    /// which nobody attests any more, and with the last of them its units are free. But its voucher is money, and with
    /// whatever the rig has signed goes a bond, also where the chain was not read yet since the worker was started: only
    /// the chain closes it, and until it does the rig redeems and holds it.
    pub(super) fn on_disowned(&mut self, address: Address, now: UnixSeconds, actions: &mut Vec<Action>) {
        let Some(lease) = self.leases.get_mut(&address) else { return };
        lease.upkeep.look_soon(now);
        if lease.takes_tasks() {
            self.on_end_lease(address, now, actions);
        }
    }

    /// The chain has the lease no more, or never had it: what belongs to it goes, too.
    pub(crate) fn on_lease_over(&mut self, address: Address, now: UnixSeconds, actions: &mut Vec<Action>) {
        let Some(lease) = self.leases.get_mut(&address) else { return };
        lease.phase = LeasePhase::Over;
        actions.push(Action::Journal(Record::LeaseOver { lease: address }));
        self.stop_all(address, now, actions);
        self.report_if_empty(address, now, actions);
    }

    pub(crate) fn stop_all(&mut self, lease: Address, now: UnixSeconds, actions: &mut Vec<Action>) {
        let keys: Vec<TaskKey> = self.unfinished(lease).map(crate::Task::key).collect();
        for key in keys {
            if let Some(task) = self.tasks.get_mut(&key) {
                task.stop(StopReason::LeaseOver, now, actions);
            }
        }
    }

    pub(crate) fn report_if_empty(&mut self, address: Address, now: UnixSeconds, actions: &mut Vec<Action>) {
        if self.unfinished(address).next().is_some() {
            return;
        }
        match self.leases.get(&address).map(|lease| lease.phase) {
            Some(LeasePhase::Over) => return self.close(address, actions),
            Some(LeasePhase::Ending) => {}
            _ => return,
        }
        // Not at the end of each task: it is over all that were done before.
        let result_root = self.result_root(address);
        let Some(lease) = self.leases.get_mut(&address) else { return };
        lease.phase = LeasePhase::Reported { result_root };
        if lease.is_attested() {
            lease.upkeep.look_soon(now);
        }
        if let Some(salt) = lease.salt {
            self.prepare_vote(address, (result_root, salt), now, actions);
        }
        actions.push(Action::Journal(Record::LeaseReported { lease: address, result_root }));
        actions.push(Action::Report(Report::LeaseEnded { lease: address, result_root }));
    }

    /// Keeps the newest. A final one ends the lease, and is kept until the chain has it: who issued it may be gone
    /// before that.
    pub(super) fn on_voucher(
        &mut self,
        voucher: Voucher,
        signature: Vec<u8>,
        now: UnixSeconds,
        actions: &mut Vec<Action>,
    ) {
        let address = voucher.lease;
        let Some(lease) = self.leases.get_mut(&address) else { return };
        lease.upkeep.hear(now);
        if !lease.keep(voucher, signature.clone()) {
            return;
        }
        if lease.phase == LeasePhase::Offered {
            lease.phase = LeasePhase::Held;
        }
        actions.push(Action::Journal(Record::Voucher { voucher, signature }));
        match lease.phase {
            LeasePhase::Reported { .. } if voucher.is_final => lease.upkeep.look_soon(now),
            LeasePhase::Held if voucher.is_final => self.on_end_lease(address, now, actions),
            _ => {}
        }
    }

    pub(crate) fn close(&mut self, address: Address, actions: &mut Vec<Action>) {
        let Some(lease) = self.leases.remove(&address) else { return };
        let metered = lease.voucher.map_or_else(Default::default, |(voucher, _)| voucher.metered);
        // What the chain refuses to compute it does not pay either.
        let earned = money::cost(lease.terms.price, lease.terms.units, metered).unwrap_or(MicroUsdc::ZERO);
        self.tasks.retain(|key, _| key.lease != address);
        actions.push(Action::Journal(Record::LeaseClosed { lease: address }));
        actions.push(Action::Report(Report::LeaseClosed { lease: address, earned }));
    }

    /// Says again what the orchestrator may have missed.
    pub(super) fn on_connected(&self, actions: &mut Vec<Action>) {
        for task in self.tasks.values().filter(|task| !task.is_acknowledged()) {
            // Before its end: then it is the next attempt's.
            let reports = task.round_reports().into_iter().chain(task.report());
            actions.extend(reports.map(Action::Report));
        }
        for (address, lease) in &self.leases {
            if let LeasePhase::Reported { result_root } = lease.phase {
                actions.push(Action::Report(Report::LeaseEnded { lease: *address, result_root }));
            }
        }
    }
}
