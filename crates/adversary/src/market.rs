mod choices;
mod founding;
mod traps;
mod way_out;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use millrace_testkit::program::state::Config;
use millrace_testkit::protocol::Seconds;
use millrace_testkit::{Environment, Keypair, Ledger, Receipt, Refusal, Signer, Wallet};

pub use choices::pick;

/// How far a life's clock may go beyond its beginning, in seconds: thirty years.
const FURTHEST: u64 = 1_000_000_000;

/// A small market, and the keys of everybody in it.
pub struct Market {
    pub chain: Environment,
    /// Whoever is here may be made to sign anything.
    keys: Rc<Vec<Keypair>>,
    /// Providers and buyers first, then who runs the network, then who has no part in it at first.
    wallets: Rc<Vec<Wallet>>,
    /// Whose each token account is that is not the program's.
    pub purses: Rc<BTreeMap<Pubkey, Pubkey>>,
    /// Addresses that an account list can be made of.
    pool: Vec<Pubkey>,
    /// What is in it.
    known: BTreeSet<Pubkey>,
    /// What lies on the chain, read once after each change.
    pub ledger: Rc<Ledger>,
    pub config: Config,
    beginning: u64,
}

impl Market {
    /// The same market once more.
    pub fn fork(&self) -> Self {
        Self {
            chain: self.chain.fork(),
            keys: Rc::clone(&self.keys),
            wallets: Rc::clone(&self.wallets),
            purses: Rc::clone(&self.purses),
            pool: self.pool.clone(),
            known: self.known.clone(),
            ledger: Rc::clone(&self.ledger),
            config: self.config,
            beginning: self.beginning,
        }
    }

    /// Reads what lies on the chain now, and who runs the network.
    pub fn look(&mut self) {
        self.ledger = Rc::new(self.chain.ledger());
        self.config = self.chain.config();
        self.chain.admin = self.key(&self.config.admin);
        self.chain.scheduler = self.key(&self.config.scheduler);
        self.chain.arbiter = self.key(&self.config.arbiter);
        self.chain.treasury = self.config.treasury;
    }

    pub fn send(&mut self, instructions: &[Instruction]) -> Result<Receipt, Refusal> {
        let result = self.chain.send_instructions(instructions, &self.keys);
        if result.is_ok() {
            self.look();
            // Whatever is new is named.
            for meta in instructions.iter().flat_map(|one| &one.accounts) {
                self.add_to_pool(meta.pubkey);
            }
        }
        result
    }

    fn add_to_pool(&mut self, address: Pubkey) {
        if self.known.insert(address) {
            self.pool.push(address);
        }
    }

    /// Nobody can sign for an address that is nobody's key.
    pub fn sign(&self, instructions: &mut [Instruction]) {
        for meta in instructions.iter_mut().flat_map(|one| &mut one.accounts) {
            meta.is_signer &= self.is_person(&meta.pubkey);
        }
    }

    pub fn wait(&mut self, seconds: u64) {
        let passed = self.chain.now().0 - self.beginning;
        self.chain.advance(Seconds(seconds.min(FURTHEST - passed.min(FURTHEST))));
    }

    /// Every deadline that lies ahead, the earliest first.
    pub fn deadlines(&self) -> Vec<u64> {
        let Ledger { providers, allowances, .. } = &*self.ledger;
        let providers = providers.values().flat_map(|provider| {
            provider.unbonding.iter().map(|slot| slot.unlocks_at).chain([provider.next_payout_from])
        });
        let allowances = allowances.values().map(|allowance| allowance.expires_at);
        let others = providers.chain(allowances).filter(|deadline| self.lies_ahead(*deadline));
        self.deadlines_of_jobs().chain(others).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Those of jobs that lie ahead, and of all that belongs to jobs.
    fn deadlines_of_jobs(&self) -> impl Iterator<Item = u64> {
        let Ledger { jobs, leases, disputes, quorums, .. } = &*self.ledger;
        let jobs = jobs.values().flat_map(|job| [job.start_deadline, job.cancelled_at + job.settle_grace]);
        let leases = leases.values().flat_map(|lease| {
            let held = lease.attested_at + lease.hold_limit;
            let ends = [lease.ends_by, lease.ends_by + lease.settle_grace];
            let preempted = [lease.preempted_at, lease.preempted_at + lease.settle_grace];
            let silent = [lease.start_by, lease.checkpoint_by, held, lease.disputable_until];
            ends.into_iter().chain(preempted).chain(silent)
        });
        let disputes = disputes.values().map(|dispute| dispute.decide_by);
        let rounds = quorums
            .values()
            .flat_map(|round| [round.commit_by, round.reveal_by, round.commit_by + round.reveal_window]);
        jobs.chain(leases).chain(disputes).chain(rounds).filter(|deadline| self.lies_ahead(*deadline))
    }

    fn lies_ahead(&self, deadline: u64) -> bool {
        deadline > self.chain.now().0 && deadline - self.chain.now().0 < FURTHEST
    }

    pub fn is_person(&self, address: &Pubkey) -> bool {
        self.keys.iter().any(|key| key.pubkey() == *address)
    }

    /// The wallet at an address; with the stranger's tokens for one that has none.
    pub fn wallet_of(&self, address: &Pubkey) -> Wallet {
        let known = self.wallets.iter().find(|wallet| wallet.address() == *address);
        let stranger = || Wallet { key: self.key(address), tokens: self.stranger().tokens };
        known.cloned().unwrap_or_else(stranger)
    }

    fn stranger(&self) -> &Wallet {
        self.wallets.last().expect("there are wallets")
    }

    /// The key of an address; the stranger's for an address that is nobody's.
    pub fn key(&self, address: &Pubkey) -> Keypair {
        self.keys.iter().find(|key| key.pubkey() == *address).unwrap_or(&self.stranger().key).insecure_clone()
    }
}
