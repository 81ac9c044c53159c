//! Rule 3: each state has a way out that needs nobody's permission.

use anchor_lang::solana_program::instruction::Instruction;
use anchor_lang::{InstructionData, ToAccountMetas};
use millrace_testkit::protocol::UnixSeconds;
use millrace_testkit::{Call, JobHandle, LeaseHandle};

use super::Market;
use crate::rules::Books;

impl Market {
    /// Nobody but cranks comes by any more, and all deadlines pass, until no job is left.
    ///
    /// # Panics
    /// When something stays, and when a rule is broken on its way out.
    pub fn everything_comes_out(&mut self, books: &mut Books) {
        loop {
            while self.crank(books) {}
            if self.ledger.jobs.is_empty() {
                break;
            }
            let last = self.deadlines_of_jobs().max().expect("a job that nothing can end any more");
            self.chain.travel_to(UnixSeconds(last));
            books.look_at_the_clock(self);
        }
    }

    /// Does whatever anyone may do now. Returns whether anything went through.
    fn crank(&mut self, books: &mut Books) -> bool {
        let jobs: Vec<_> = self.ledger.jobs.keys().copied().collect();
        let leases: Vec<_> = self.ledger.leases.keys().copied().collect();
        let mut any = false;
        for address in leases {
            // One crank of the lease's job before may have changed it.
            let Some(state) = self.ledger.leases.get(&address).copied() else { continue };
            let Some(lease) = self.lease_at(&address) else { continue };
            any |= self.push_on(
                books,
                &match state.state {
                    0 | 1 => call(&self.chain.expire_lease(&lease)),
                    2 if self.ledger.jobs[&state.job].quorum_open != 0 => call(&self.chain.settle_member(&lease)),
                    2 => call(&self.chain.finalize_lease(&lease)),
                    _ => self.end_dispute(&lease),
                },
            );
        }
        for address in jobs {
            let Some(job) = self.job_at(&address) else { continue };
            for instructions in self.ends_of(&job) {
                any |= self.push_on(books, &instructions);
            }
        }
        any
    }

    fn end_dispute(&self, lease: &LeaseHandle) -> Vec<Instruction> {
        let mut disputes = self.ledger.disputes.values();
        let dispute = disputes.find(|dispute| dispute.lease == lease.address).expect("a disputed lease has a dispute");
        call(&self.chain.expire_dispute(lease, &self.wallet_of(&dispute.challenger)))
    }

    fn ends_of(&self, job: &JobHandle) -> Vec<Vec<Instruction>> {
        let state = &self.ledger.jobs[&job.address];
        let (waits, over, counted) = (state.state == 0, state.state > 2, state.quorum_open != 0);
        let mut ends = Vec::new();
        if waits {
            ends.push(call(&self.chain.expire_job(job)));
        }
        if counted {
            let mut close = self.chain.close_quorum(job);
            close.accounts.rent_payer = self.ledger.quorums[&close.accounts.quorum].rent_payer;
            ends.extend([call(&self.chain.tally_quorum(job)), call(&close)]);
        }
        match self.balance_behind(job).filter(|_| state.prepaid != 0) {
            _ if !over || counted => {}
            Some(balance) => ends.push(call(&self.chain.close_job_prepaid(&balance, job))),
            None => {
                let mut close = self.chain.close_job(job);
                close.accounts.rent_payer = state.rent_payer;
                ends.push(call(&close));
            }
        }
        ends
    }

    fn push_on(&mut self, books: &mut Books, instructions: &[Instruction]) -> bool {
        let nobody = instructions.iter().flat_map(|one| &one.accounts).all(|meta| !meta.is_signer);
        assert!(nobody, "a crank asks for a signature");
        let result = self.send(instructions);
        let went_through = result.is_ok();
        books.check(self, instructions, result);
        went_through
    }
}

fn call<A: ToAccountMetas, D: InstructionData>(call: &Call<A, D>) -> Vec<Instruction> {
    vec![call.instruction()]
}
