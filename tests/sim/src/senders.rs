//! How transactions come in: sent again until their fate is known, signed anew when they can land no more.

use millrace_model::Refusal;
use millrace_protocol::{Address, Error};
use millrace_scheduler::{Cause, Event, Transaction};

use crate::chain::{BLOCKHASH_LIFE, Confirmed, Flight, Origin};
use crate::harm::Harm;
use crate::ledger::{Failure, Instruction};
use crate::name;
use crate::orchestrator::Input;
use crate::simulation::{Chore, RigChore, Simulation, What};

/// Between two sends of the same transaction.
const RESEND: u64 = 2_000;
/// After this long the sender gives the question up.
const GIVE_UP: u64 = 120_000;
/// How often work is signed anew.
const SIGNINGS: u32 = 2;

impl Simulation {
    /// Sends work that its sender can sign anew.
    pub fn send(&mut self, instruction: Instruction, origin: Origin) {
        let valid_until = self.chain.slot + BLOCKHASH_LIFE;
        self.launch(instruction, origin, valid_until, SIGNINGS);
    }

    /// Sends a transaction as it is signed.
    pub fn launch(&mut self, instruction: Instruction, origin: Origin, valid_until: u64, signings: u32) {
        let gives_up_at = self.now + GIVE_UP;
        let flight = self.chain.launch(Flight { instruction, origin, valid_until, signings, gives_up_at });
        self.send_off(flight);
    }

    fn send_off(&mut self, flight: u64) {
        let weather = self.scenario.weather;
        let lost = self.chance(weather.transactions_lost);
        if !lost {
            let delay = 50 + self.delay();
            self.plan(delay, What::Submit { flight, doubled: false });
        }
        let twice = self.chance(weather.transactions_twice);
        if twice {
            let delay = 50 + self.delay() * 3;
            self.plan(delay, What::Submit { flight, doubled: true });
        }
        // Nobody misses one that the chain has already, or of which there is another copy.
        if lost && !twice && !self.chain.knows(flight) {
            self.harms.note(Harm::TransactionLost);
        }
        self.plan(RESEND, What::Resend { flight });
    }

    pub fn submit(&mut self, flight: u64, doubled: bool) {
        if let Some(known) = self.chain.flights.get(&flight) {
            let (valid_until, instruction) = (known.valid_until, known.instruction.clone());
            let refused = !self.chain.arrive(flight, valid_until, instruction);
            if doubled && refused {
                self.harms.note(Harm::TransactionDoubled);
            }
        }
    }

    /// Whether the sender still runs.
    fn waits(&self, origin: Origin) -> bool {
        match origin {
            Origin::Orchestrator { run, .. } => run == self.orchestrator.run && self.orchestrator.is_up(),
            Origin::Rig { rig, run, .. } => run == self.rigs[rig].run && self.rigs[rig].agent.is_some(),
            Origin::Outside => true,
        }
    }

    pub fn resend(&mut self, flight: u64) {
        let Some(known) = self.chain.flights.get(&flight) else { return };
        let (origin, valid_until, signings) = (known.origin, known.valid_until, known.signings);
        let (gives_up_at, instruction) = (known.gives_up_at, known.instruction.clone());
        if !self.waits(origin) {
            return;
        }
        if self.chain.may_land(flight, valid_until) {
            if self.now >= gives_up_at {
                self.plan(0, What::Fate { flight, result: Err(None) });
                return;
            }
            self.send_off(flight);
            return;
        }
        self.chain.flights.remove(&flight);
        if signings > 0 {
            self.note(|| format!("sender     {instruction:?} expired and is signed anew"));
            let valid_until = self.chain.slot + BLOCKHASH_LIFE;
            self.launch(instruction, origin, valid_until, signings - 1);
        } else {
            self.tell_origin(origin, Err(None));
        }
    }

    /// A slot is confirmed: watchers are told, and whoever sent something.
    pub fn confirmed(&mut self, confirmed: Confirmed) {
        let Confirmed { flight, instruction, result } = confirmed;
        self.note(|| format!("chain      {} {}", describe(&instruction), outcome(&result)));
        self.witness_confirmed(&instruction, &result);
        for address in result.iter().flatten() {
            self.tell_watcher(*address);
        }
        if self.chain.flights.contains_key(&flight) {
            let delay = 100 + self.delay();
            self.plan(delay, What::Fate { flight, result: result.map_err(Some) });
        }
    }

    pub fn fate(&mut self, flight: u64, result: Result<Vec<Address>, Option<Failure>>) {
        if let Some(known) = self.chain.flights.remove(&flight) {
            self.tell_origin(known.origin, result);
        }
    }

    fn tell_origin(&mut self, origin: Origin, result: Result<Vec<Address>, Option<Failure>>) {
        if !self.waits(origin) {
            return;
        }
        match origin {
            Origin::Orchestrator { run, transaction } => {
                let delay = self.delay();
                let input = match result {
                    Ok(changed) => {
                        if matches!(transaction, Transaction::NoticePreemption { .. }) {
                            self.witness.preempted += 1;
                        }
                        if matches!(transaction, Transaction::ExtendLease { .. }) {
                            self.witness.extended += 1;
                        }
                        // Read back; what cannot be read now the watcher will tell.
                        let unreachable = self.meets_silence();
                        let slot = self.chain.confirmed_slot;
                        let updates = changed
                            .into_iter()
                            .filter(|_| !unreachable)
                            .map(|address| (slot, address, self.chain.confirmed.read(address)));
                        let updates = updates.collect();
                        let then = Event::TransactionDone { transaction, signature: format!("{transaction:?}") };
                        Input::Updates { updates, then: Some(then) }
                    }
                    Err(failure) => {
                        if failure == Some(Failure::Refused(Refusal::Rules(Error::NotSpot))) {
                            self.breaks("a lease at the posted price is to be ended for another");
                        }
                        self.plan(0, What::Orchestrator { run, what: Chore::Reconcile });
                        Input::Event(Event::TransactionFailed { transaction, cause: cause(failure) })
                    }
                };
                self.plan(delay, What::Input { run, input: Box::new(input) });
            }
            Origin::Rig { rig, run, lease } => {
                self.rigs[rig].acting.remove(&lease);
                let delay = self.delay();
                self.plan(delay, What::Rig { rig, run, what: RigChore::Read { lease } });
            }
            Origin::Outside => {}
        }
    }
}

fn cause(failure: Option<Failure>) -> Cause {
    let (code, message) = match failure {
        None => ("transaction-expired", "it found its way into no block".to_owned()),
        Some(failure) => ("transaction-refused", format!("{failure:?}")),
    };
    Cause { code: code.to_owned(), message, hint: String::new() }
}

fn outcome(result: &Result<Vec<Address>, Failure>) -> String {
    match result {
        Ok(changed) => {
            let changed: Vec<String> = changed.iter().map(|address| name::short(*address)).collect();
            format!("landed: {}", changed.join(" "))
        }
        Err(failure) => format!("failed: {failure:?}"),
    }
}

pub fn describe(instruction: &Instruction) -> String {
    match instruction {
        Instruction::OpenJob { job, buyer, .. } => format!("open_job {} by B{buyer}", name::short(*job)),
        Instruction::ExtendJob { job, extension } => format!(
            "extend_job {}: {} more, leases of {} s more, {} s longer for a start",
            name::short(*job),
            extension.deposit.0,
            extension.lease_seconds.0,
            extension.start_window.0
        ),
        Instruction::CancelJob { job } => format!("cancel_job {}", name::short(*job)),
        Instruction::ExpireJob { job } => format!("expire_job {}", name::short(*job)),
        Instruction::CloseJob { job } => format!("close_job {}", name::short(*job)),
        Instruction::OpenLease { job, number, node, .. } => {
            format!("open_lease {}.{number} on {}", name::short(*job), name::short(*node))
        }
        Instruction::Settle { voucher, signed } => format!(
            "settle {} #{} {} s{}{}",
            name::short(voucher.lease),
            voucher.sequence,
            voucher.metered.0,
            if voucher.is_final { format!(", final, {:?}", voucher.exit_class) } else { String::new() },
            if *signed { "" } else { ", forged" },
        ),
        Instruction::ExtendLease { lease, more } => format!("extend_lease {} by {} s", name::short(*lease), more.0),
        Instruction::HoldLease { lease } => format!("hold_lease {}", name::short(*lease)),
        Instruction::ExtendStart { lease } => format!("extend_start {}", name::short(*lease)),
        Instruction::ExpireLease { lease } => format!("expire_lease {}", name::short(*lease)),
        Instruction::AcceptLease { lease } => format!("accept_lease {}", name::short(*lease)),
        Instruction::FinalizeLease { lease } => format!("finalize_lease {}", name::short(*lease)),
        Instruction::OpenDispute { lease } => format!("open_dispute {}", name::short(*lease)),
        Instruction::ResolveDispute { lease, ruling } => {
            format!("resolve_dispute {}: {ruling:?}", name::short(*lease))
        }
        Instruction::ExpireDispute { lease } => format!("expire_dispute {}", name::short(*lease)),
        Instruction::CommitResult { lease, .. } => format!("commit_result {}", name::short(*lease)),
        Instruction::RevealResult { lease, root, .. } => format!("reveal_result {}: {root}", name::short(*lease)),
        Instruction::TallyQuorum { job } => format!("tally_quorum {}", name::short(*job)),
        Instruction::SettleMember { lease } => format!("settle_member {}", name::short(*lease)),
        Instruction::CloseQuorum { job } => format!("close_quorum {}", name::short(*job)),
        Instruction::NoticePreemption { lease } => format!("notice_preemption {}", name::short(*lease)),
        Instruction::AttestNode { node, attestation } => {
            format!("attest_node {}: {:?} until {}", name::short(*node), attestation.class, attestation.expires_at.0)
        }
        Instruction::SetDraining { provider, draining } => format!("set_draining P{provider} {draining}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Scenario, Weather};

    /// A transaction that is sent in this weather, and has not arrived.
    fn sent(weather: Weather) -> (Simulation, u64) {
        let mut simulation = Simulation::new(Scenario { weather, ..Scenario::large(1, 1, 1, 60_000) }, false);
        simulation.send(Instruction::SetDraining { provider: 0, draining: true }, Origin::Outside);
        let flight = *simulation.chain.flights.keys().next().expect("a flight");
        (simulation, flight)
    }

    #[test]
    fn a_transaction_is_doubled_where_the_chain_refuses_it_the_second_time() {
        let (mut simulation, flight) = sent(Weather::default());
        simulation.submit(flight, true);
        simulation.submit(flight, false);
        assert_eq!(simulation.harms.times(Harm::TransactionDoubled), 0);
        simulation.submit(flight, true);
        assert_eq!(simulation.harms.times(Harm::TransactionDoubled), 1);
        simulation.fate(flight, Err(None));
        simulation.submit(flight, true);
        assert_eq!(simulation.harms.times(Harm::TransactionDoubled), 1);
    }

    #[test]
    fn a_transaction_is_lost_where_the_chain_does_not_have_it_and_no_other_copy_comes() {
        let lost = Weather { transactions_lost: 1_000, ..Weather::default() };
        let (mut simulation, flight) = sent(lost);
        assert_eq!(simulation.harms.times(Harm::TransactionLost), 1);
        simulation.submit(flight, false);
        simulation.resend(flight);
        assert_eq!(simulation.harms.times(Harm::TransactionLost), 1);
        let (simulation, _) = sent(Weather { transactions_twice: 1_000, ..lost });
        assert_eq!(simulation.harms.times(Harm::TransactionLost), 0);
    }
}
