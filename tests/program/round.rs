//! A job whose results are counted, and the leases of its round.

use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{JobTerms, Payment, Seconds, UnixSeconds, Verification};
use millrace_testkit::{Environment, JobHandle, LeaseHandle, terms, usdc};

pub const RIGHT: [u8; 32] = [7; 32];
pub const WRONG: [u8; 32] = [8; 32];
/// The latest end of a lease: twice the time to start, and its hour.
pub const COMMIT_BY: u64 = 300 + 300 + 3_600;
pub const REVEAL_WINDOW: u64 = 3_600;

/// `needed` of `size` results, for a deposit of 4 USDC for each member, and one retry.
pub fn counted(needed: u8, size: u8) -> JobTerms {
    JobTerms {
        verification: Verification::Quorum { needed, size },
        payment: Payment::OnResult,
        concurrent_leases: size.into(),
        deposit: usdc(4 * u64::from(size)),
        ..terms()
    }
}

/// A job of the buyer's 100 USDC whose first round has all its members, each on a rig of its own with
/// 100 USDC of stake.
pub struct Round {
    pub chain: Environment,
    pub job: JobHandle,
    pub leases: Vec<LeaseHandle>,
    pub opened: UnixSeconds,
}

impl Round {
    pub fn new(needed: u8, size: u8) -> Self {
        let mut chain = Environment::new();
        let buyer = chain.wallet(usdc(100));
        let job = chain.do_open_job(&buyer, 1, counted(needed, size));
        let mut round = Self { opened: chain.now(), chain, job, leases: Vec::new() };
        round.fill(size);
        round
    }

    /// Opens the job's next round for `size` rigs.
    pub fn fill(&mut self, size: u8) {
        self.chain.do_open_round(&self.job);
        self.leases = (0..size)
            .map(|_| {
                let node = self.chain.rig(usdc(100));
                self.chain.do_open_lease(&self.job, &node)
            })
            .collect();
        self.opened = self.chain.now();
    }

    pub fn at(&mut self, seconds: u64) {
        self.chain.travel_to(UnixSeconds(self.opened.0 + seconds));
    }

    /// Each reports what it ran since the round was opened.
    pub fn report(&mut self, members: std::ops::Range<usize>) {
        let ran = self.chain.now().since(self.opened);
        for member in members {
            self.chain.do_settle_final(&self.leases[member], ran, ExitClass::Completed);
        }
    }

    pub fn commit(&mut self, member: usize, root: [u8; 32]) {
        self.chain.do_commit_result(&self.leases[member], root, [member as u8; 32]);
    }

    pub fn reveal(&mut self, member: usize, root: [u8; 32]) {
        self.chain.do_reveal_result(&self.leases[member], root, [member as u8; 32]);
    }

    /// Everyone reports 100 seconds, commits to its root and reveals it.
    pub fn revealed(roots: &[[u8; 32]], needed: u8) -> Self {
        let mut round = Self::new(needed, roots.len() as u8);
        round.reveal_all(roots);
        round
    }

    pub fn reveal_all(&mut self, roots: &[[u8; 32]]) {
        self.at(100);
        self.report(0..roots.len());
        for (member, root) in roots.iter().enumerate() {
            self.commit(member, *root);
        }
        for (member, root) in roots.iter().enumerate() {
            self.reveal(member, *root);
        }
    }

    pub fn states(&self) -> Vec<u8> {
        let quorum = self.chain.quorum(&self.chain.round_of(&self.job).0);
        quorum.members[..usize::from(quorum.joined)].iter().map(|member| member.state).collect()
    }

    /// Of a member's stake and earnings vaults.
    pub fn vaults(&self, member: usize) -> (u64, u64) {
        let provider = &self.leases[member].node.provider;
        (self.chain.tokens(&provider.stake_vault).0, self.chain.tokens(&provider.earnings_vault).0)
    }

    /// A full round of two members of another buyer's job.
    pub fn unrelated(&mut self) -> (JobHandle, Vec<LeaseHandle>) {
        let buyer = self.chain.wallet(usdc(100));
        let job = self.chain.do_open_job(&buyer, 1, counted(2, 2));
        self.chain.do_open_round(&job);
        let leases = (0..2).map(|_| {
            let node = self.chain.rig(usdc(100));
            self.chain.do_open_lease(&job, &node)
        });
        let leases = leases.collect();
        (job, leases)
    }
}

/// So long that nobody can have more time.
pub const LONG: Seconds = Seconds(COMMIT_BY + REVEAL_WINDOW);
