use anchor_lang::prelude::Pubkey;
use millrace_model::{Account, Action, Market, Refusal, Step, quick};
use millrace_testkit::program::types::AllowanceTerms;
use millrace_testkit::program::{MarketError, state};
use millrace_testkit::protocol::quorum::Quorum;
use millrace_testkit::protocol::{Buyer, MicroUsdc};
use millrace_testkit::{BalanceHandle, Environment, JobHandle, Keypair, LeaseHandle, NodeHandle, Signer, Wallet};

/// The model and the chain, and which account is which entry.
pub struct Follower {
    pub chain: Environment,
    pub market: Market,
    pub nodes: Vec<NodeHandle>,
    pub buyers: Vec<Wallet>,
    pub funders: Vec<Wallet>,
    pub balances: Vec<BalanceHandle>,
    pub delegates: Vec<Keypair>,
    pub jobs: Vec<JobHandle>,
    pub leases: Vec<LeaseHandle>,
    /// Steps that were waited or sent, refused ones among them; steps about nothing that is there are not.
    pub acted: usize,
    /// Those of them that changed something.
    pub went_through: usize,
}

impl Follower {
    pub fn new() -> Self {
        let mut chain = Environment::with(quick());
        let market = Market::new(quick(), chain.now());
        let mut nodes: Vec<NodeHandle> = Vec::new();
        for entry in &market.nodes {
            let provider = match nodes.iter().find(|_| nodes.len() == 2 * entry.provider + 1) {
                Some(_) => nodes[nodes.len() - 1].provider.clone(),
                None => {
                    let stake = market.providers[entry.provider].rules.stake.total;
                    let owner = chain.wallet(stake);
                    let provider = chain.do_register_provider(&owner);
                    chain.do_add_stake(&provider, stake);
                    let purse = market.vaults.balance(Account::Owner(entry.provider));
                    chain.put_tokens(owner.tokens, owner.address(), chain.mint, purse);
                    provider
                }
            };
            nodes.push(chain.do_add_node(&provider, entry.rules.hardware, entry.rules.price));
        }
        let purse = |chain: &mut Environment, account| chain.wallet(market.vaults.balance(account));
        let buyers = (0..market.buyers.len()).map(|buyer| purse(&mut chain, Account::Wallet(buyer))).collect();
        let funders = (0..market.buyers.len()).map(|buyer| purse(&mut chain, Account::Funder(buyer))).collect();
        let mut follower = Self {
            chain,
            market,
            nodes,
            buyers,
            funders,
            balances: Vec::new(),
            delegates: Vec::new(),
            jobs: Vec::new(),
            leases: Vec::new(),
            acted: 0,
            went_through: 0,
        };
        follower.open_balances();
        follower
    }

    fn open_balances(&mut self) {
        for buyer in &self.buyers {
            let balance = self.chain.do_open_buyer(buyer, MicroUsdc::ZERO);
            let delegate = self.chain.key();
            self.chain.put_lamports(delegate.pubkey(), 100_000_000_000);
            self.chain.do_open_allowance(&balance, &delegate, AllowanceTerms { per_job: 0, total: 0, expires_at: 0 });
            self.balances.push(balance);
            self.delegates.push(delegate);
        }
    }

    pub fn buyer_of(&self, market: &Market, lease: usize) -> Wallet {
        self.buyers[market.jobs[market.leases[lease].job].buyer].clone()
    }

    pub fn take(&mut self, step: Step) {
        if let Some(action) = self.market.resolve(step) {
            let said = self.act(action);
            self.acted += usize::from(said.is_some());
            self.went_through += usize::from(said == Some(true));
        }
    }

    /// Only cranks and time until nothing is left, on the chain as in the model.
    pub fn everything_comes_out(&mut self) {
        let mut market = self.market.clone();
        market.everything_comes_out(|model, action| {
            self.act(action);
            *model = self.market.clone();
        });
        let ledger = self.chain.ledger();
        assert!(ledger.jobs.is_empty() && ledger.leases.is_empty(), "something is left: {ledger:?}");
    }

    /// Returns whether it went through; none for what cannot be said to the chain.
    fn act(&mut self, action: Action) -> Option<bool> {
        if let Action::Wait(seconds) = action {
            self.market.act(action).unwrap();
            self.chain.advance(seconds);
            return Some(true);
        }
        if self.cannot_be_named(action) {
            return None;
        }
        let before = self.market.clone();
        let expected = self.market.act(action);
        let sent = self.send(&before, action);
        let went_through = sent.is_ok();
        match (expected, sent) {
            (Ok(_), Ok(())) => self.compare(action),
            (Err(Refusal::Rules(error)), Err(refusal)) => {
                let expected = refused_first(&before, action).unwrap_or(MarketError::from(error));
                assert_eq!(refusal.market(), Some(expected), "{action:?}: {refusal:?}");
            }
            // Of an account that is gone, or a wallet that is empty, the chain speaks in its own words.
            (Err(Refusal::Gone | Refusal::Broke), Err(refusal)) => assert!(!refusal.is_a_panic(), "{refusal:?}"),
            (Ok(_), Err(refusal)) => panic!("the rules allow {action:?}, the chain does not: {refusal:?}"),
            (Err(error), Ok(())) => panic!("the rules refuse {action:?} with {error:?}, the chain does not"),
        }
        Some(went_through)
    }

    /// Whether an account of the action has an address that only accounts which are gone could tell.
    fn cannot_be_named(&self, action: Action) -> bool {
        let gone = |job: usize| self.market.jobs[job].refund.is_some();
        match action {
            Action::OpenLease { job, .. } | Action::CloseJob { job } => gone(job),
            Action::Commit { lease, .. } | Action::Reveal { lease, .. } | Action::SettleMember { lease } => {
                gone(self.market.leases[lease].job)
            }
            Action::Tally { round } | Action::CloseQuorum { round } => self.market.rounds[round].closed,
            _ => false,
        }
    }

    /// What the action may have written, account by account and vault by vault.
    fn compare(&self, action: Action) {
        let (job, provider) = self.market.touched(action);
        if let Some(job) = job {
            self.compare_job(job);
        }
        if let Some(provider) = provider {
            self.compare_provider(provider);
        }
        for (buyer, wallets) in self.buyers.iter().zip(&self.funders).enumerate() {
            assert_eq!(self.chain.tokens(&wallets.0.tokens), self.market.vaults.balance(Account::Wallet(buyer)));
            assert_eq!(self.chain.tokens(&wallets.1.tokens), self.market.vaults.balance(Account::Funder(buyer)));
            self.compare_balance(buyer);
        }
    }

    fn compare_balance(&self, buyer: usize) {
        let (entry, handle) = (&self.market.buyers[buyer], &self.balances[buyer]);
        let held = self.market.vaults.balance(Account::Balance(buyer));
        assert_eq!(self.chain.tokens(&handle.vault), held, "vault of balance {buyer}");
        let rules = self.chain.read::<state::Buyer>(&handle.address).unwrap().rules().unwrap();
        let sums = |rules: &Buyer| (rules.balance, rules.deposited, rules.withdrawn, rules.spent, rules.refunded);
        assert_eq!(sums(&rules), sums(&entry.rules), "balance {buyer}");
        let allowance = Environment::allowance_of(handle, &self.delegates[buyer]);
        let allowance = self.chain.read::<state::Allowance>(&allowance).unwrap();
        assert_eq!(allowance.rules(), Ok(entry.allowance), "allowance {buyer}");
    }

    /// The round as the model has it; addresses and hashes are each side's own.
    fn compare_round(&self, job: usize, round: usize) {
        let (entry, (address, _)) = (&self.market.rounds[round], self.chain.round_of(&self.jobs[job]));
        let rules = self.chain.read::<state::Quorum>(&address).unwrap().rules().unwrap();
        let states = |quorum: &Quorum| quorum.joined().iter().map(|member| member.state).collect::<Vec<_>>();
        let times = |quorum: &Quorum| (quorum.commit_by, quorum.reveal_by, quorum.reveal_window);
        assert_eq!(states(&rules), states(&entry.rules), "members of round {round}");
        assert_eq!(times(&rules), times(&entry.rules), "times of round {round}");
        assert_eq!((rules.verdict, rules.winner), (entry.rules.verdict, entry.rules.winner), "count of round {round}");
    }

    fn compare_job(&self, number: usize) {
        let (entry, handle) = (&self.market.jobs[number], &self.jobs[number]);
        match self.chain.read::<state::Job>(&handle.address) {
            None => assert!(entry.refund.is_some(), "job {number} is gone from the chain"),
            Some(state) => {
                assert_eq!(entry.refund, None, "job {number} is still on the chain");
                assert_eq!(state.rules(), Ok(entry.rules), "job {number}");
                let vault = self.market.vaults.balance(Account::Job(number));
                assert_eq!(self.chain.tokens(&handle.vault), vault, "vault of job {number}");
                if let Some(round) = entry.round {
                    self.compare_round(number, round);
                }
            }
        }
        for lease in (0..self.market.leases.len()).filter(|lease| self.market.leases[*lease].job == number) {
            let (entry, handle) = (&self.market.leases[lease], &self.leases[lease]);
            let state = self.chain.read::<state::Lease>(&handle.address).map(|state| state.rules());
            let expected = (!entry.settled).then_some(Ok(entry.rules));
            assert_eq!(state, expected, "lease {lease}");
        }
    }

    fn compare_provider(&self, number: usize) {
        let entry = &self.market.providers[number];
        for (node, handle) in self.market.nodes.iter().zip(&self.nodes).filter(|(node, _)| node.provider == number) {
            assert_eq!(self.chain.node(&handle.address).rules(), Ok(node.rules), "node of provider {number}");
            let provider = &handle.provider;
            assert_eq!(self.chain.provider(&provider.address).rules(), Ok(entry.rules), "provider {number}");
            let balance = |account| self.market.vaults.balance(account);
            let vaults: [(Pubkey, MicroUsdc); 3] = [
                (provider.stake_vault, balance(Account::Stake(number))),
                (provider.earnings_vault, balance(Account::Earnings(number))),
                (provider.owner.tokens, balance(Account::Owner(number))),
            ];
            for (address, expected) in vaults {
                assert_eq!(self.chain.tokens(&address), expected, "a vault of provider {number}");
            }
        }
    }
}

/// What the program itself refuses, before it asks the rules.
fn refused_first(before: &Market, action: Action) -> Option<MarketError> {
    match action {
        Action::CloseJob { job } if before.jobs[job].round.is_some() => Some(MarketError::QuorumOpen),
        _ => None,
    }
}
