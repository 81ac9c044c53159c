use millrace_protocol::transitions::{self, LeaseOffer, Movements};
use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Error, Job, Lease, Node, Provider, Seconds};

use crate::market::{PROGRAM, address};
use crate::{Action, Done, LeaseEntry, Market, Refusal};

impl Market {
    pub(super) fn open_lease(&mut self, job: usize, node: usize, offer: LeaseOffer) -> Result<Done, Refusal> {
        let mut entry = self.open_entry(job)?;
        let provider = self.nodes[node].provider;
        let (mut rig, mut owner) = (self.nodes[node].rules, self.providers[provider].rules);
        let before = (entry.rules, rig, owner);
        let opened = transitions::open_lease(&mut entry.rules, &mut rig, &mut owner, offer, &self.parameters, self.now);
        let rules = opened.inspect_err(|error| {
            assert_eq!((entry.rules, rig, owner), before, "refused with {error:?} and changed something");
        })?;
        let lease = self.leases.len();
        let round = self.join(&mut entry, job, provider, lease, &rules)?;
        self.jobs[job] = entry;
        (self.nodes[node].rules, self.providers[provider].rules) = (rig, owner);
        self.leases.push(LeaseEntry { job, node, round, rules, settled: false });
        Ok(Done::default())
    }

    pub(super) fn settle(&mut self, lease: usize, action: Action) -> Result<Done, Refusal> {
        let Action::Settle { of, sequence, metered, downtime, is_final, class, .. } = action else {
            unreachable!("a voucher comes with Settle")
        };
        let voucher = Voucher {
            program: PROGRAM,
            lease: address(of),
            sequence,
            metered,
            downtime,
            is_final,
            exit_class: class,
            result_root: [0; 32],
        };
        let now = self.now;
        let done = self.on_lease(lease, |job, rules, node, provider| {
            transitions::settle(job, rules, node, provider, &voucher, (PROGRAM, address(lease)), now)
        })?;
        self.redeemed.push((lease, voucher));
        self.leave_round(lease)?;
        Ok(done)
    }

    pub(super) fn expire_lease(&mut self, lease: usize) -> Result<Done, Refusal> {
        let now = self.now;
        let done = self
            .on_lease(lease, |job, rules, node, provider| transitions::expire_lease(job, rules, node, provider, now))?;
        self.leave_round(lease)?;
        Ok(done)
    }

    pub(super) fn accept_lease(&mut self, lease: usize) -> Result<Done, Refusal> {
        let now = self.now;
        self.on_lease(lease, |job, rules, _, provider| transitions::accept_lease(job, rules, provider, now))
    }

    pub(super) fn finalize_lease(&mut self, lease: usize) -> Result<Done, Refusal> {
        let now = self.now;
        self.on_lease(lease, |job, rules, _, provider| transitions::finalize_lease(job, rules, provider, now))
    }

    pub(super) fn hold_lease(&mut self, lease: usize) -> Result<Done, Refusal> {
        let now = self.now;
        self.change(lease, |_, rules| transitions::hold_lease(rules, now))
    }

    pub(super) fn extend_start(&mut self, lease: usize) -> Result<Done, Refusal> {
        let now = self.now;
        self.change(lease, |_, rules| transitions::extend_start(rules, now))
    }

    pub(super) fn extend_lease(&mut self, lease: usize, more: Seconds) -> Result<Done, Refusal> {
        let now = self.now;
        self.change(lease, |job, rules| transitions::extend_lease(job, rules, more, now))
    }

    pub(super) fn notice_preemption(&mut self, lease: usize) -> Result<Done, Refusal> {
        let (now, parameters) = (self.now, self.parameters);
        self.change(lease, |job, rules| transitions::notice_preemption(job, rules, &parameters, now))
    }

    fn change(
        &mut self,
        lease: usize,
        transition: impl FnOnce(&mut Job, &mut Lease) -> Result<(), Error>,
    ) -> Result<Done, Refusal> {
        self.on_lease(lease, |job, rules, _, _| transition(job, rules).map(|()| Movements::default()))
    }

    /// Runs a transition on the accounts of a lease themselves, so that a refusal which has changed one is
    /// seen, and moves its money.
    pub(super) fn on_lease(
        &mut self,
        lease: usize,
        transition: impl FnOnce(&mut Job, &mut Lease, &mut Node, &mut Provider) -> Result<Movements, Error>,
    ) -> Result<Done, Refusal> {
        let entry = self.leases[lease];
        if entry.settled {
            return Err(Refusal::Gone);
        }
        let provider = self.provider_of(lease);
        let movements = transition(
            &mut self.jobs[entry.job].rules,
            &mut self.leases[lease].rules,
            &mut self.nodes[entry.node].rules,
            &mut self.providers[provider].rules,
        )?;
        Ok(self.carry_out(lease, movements))
    }
}
