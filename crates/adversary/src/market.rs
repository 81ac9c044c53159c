use std::collections::BTreeMap;
use std::rc::Rc;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use millrace_testkit::protocol::{MicroUsdc, PricePerGpuHour, Seconds, seeds};
use millrace_testkit::{
    Environment, JobHandle, Keypair, LeaseHandle, Ledger, NodeHandle, ProviderHandle, Receipt, Refusal, Signer, Wallet,
    hardware, parameters, terms, usdc,
};

/// How far a life's clock may go beyond its beginning, in seconds: thirty years.
const FURTHEST: u64 = 1_000_000_000;

/// A small market, and the keys of everybody in it.
pub struct Market {
    pub chain: Environment,
    /// Whoever is here may be made to sign anything.
    keys: Rc<Vec<Keypair>>,
    pub wallets: Vec<Wallet>,
    /// Has no part in the market: must never gain by anything.
    pub stranger: Wallet,
    /// Every token account that is the stranger's.
    pub strangers_tokens: Vec<Pubkey>,
    /// Addresses that an account list can be made of.
    pub pool: Vec<Pubkey>,
    /// What lies on the chain, read once after each change.
    pub ledger: Ledger,
    vaults: BTreeMap<(&'static [u8], Pubkey), Pubkey>,
    beginning: u64,
}

impl Market {
    /// Two providers with two nodes each, at even and at odd prices, one with little stake; two
    /// buyers; a job that waits for a lease and one that has one; and a stranger.
    pub fn found() -> Self {
        let mut chain = Environment::with(parameters());
        let mut keys = Vec::new();
        let mut wallets = Vec::new();
        let mut nodes = Vec::new();
        for (stake, price) in [(usdc(40), 1_234_567), (usdc(8), 3_599_999)] {
            let node = chain.rig(stake);
            let odd = chain.do_add_node(&node.provider, hardware(), PricePerGpuHour(price));
            let owner = &node.provider.owner;
            chain.put_tokens(owner.tokens, owner.address(), chain.mint, usdc(1_000));
            wallets.push(owner.clone());
            keys.extend([node.key.insecure_clone(), odd.key.insecure_clone(), owner.key.insecure_clone()]);
            nodes.extend([node, odd]);
        }
        for _ in 0..2 {
            let buyer = chain.wallet(usdc(10_000));
            keys.push(buyer.key.insecure_clone());
            wallets.push(buyer);
        }
        let stranger = chain.wallet(usdc(1_000));
        let extra = chain.key();
        keys.extend(
            [&stranger.key, &chain.fee_payer, &chain.admin, &chain.scheduler, &extra].map(Keypair::insecure_clone),
        );
        chain.do_open_job(&wallets[2], 0, terms());
        let job = chain.do_open_job(&wallets[3], 0, terms());
        chain.do_open_lease(&job, &nodes[0]);
        let mut market = Self {
            beginning: chain.now().0,
            ledger: chain.ledger(),
            keys: Rc::new(keys),
            wallets,
            strangers_tokens: vec![stranger.tokens],
            stranger,
            pool: Vec::new(),
            vaults: BTreeMap::new(),
            chain,
        };
        market.add_traps();
        market.look();
        market
    }

    /// Accounts that anybody can make on a chain, and that look like the market's own.
    fn add_traps(&mut self) {
        let (mint, stranger) = (self.chain.mint, self.stranger.address());
        let other_mint = self.chain.key().pubkey();
        self.chain.put_mint(other_mint);
        let owners: Vec<_> = self.ledger.jobs.keys().chain(self.ledger.providers.keys()).copied().collect();
        let mut traps = vec![other_mint];
        for owner in owners.into_iter().chain([stranger, self.wallets[0].address()]) {
            for mint in [mint, other_mint] {
                let tokens = self.chain.key().pubkey();
                self.chain.put_tokens(tokens, owner, mint, MicroUsdc::ZERO);
                traps.push(tokens);
                if owner == stranger {
                    self.strangers_tokens.push(tokens);
                }
            }
        }
        let real: Vec<_> = [Environment::config_address(), self.chain.mint]
            .into_iter()
            .chain(self.ledger.jobs.keys().copied())
            .chain(self.ledger.leases.keys().copied())
            .chain(self.ledger.nodes.keys().copied().take(1))
            .chain(self.ledger.providers.keys().copied().take(1))
            .collect();
        for original in real {
            for owner in [solana_sdk_ids::system_program::ID, solana_sdk_ids::bpf_loader::ID] {
                traps.push(self.chain.forge(original, owner));
            }
        }
        self.pool = traps;
        self.pool.extend(self.keys.iter().map(Signer::pubkey));
        self.pool.extend(self.wallets.iter().chain([&self.stranger]).map(|wallet| wallet.tokens));
        self.pool.extend([
            self.chain.mint,
            self.chain.treasury,
            self.chain.program_data(),
            Environment::config_address(),
            Environment::event_authority(),
            millrace_testkit::program::ID,
            anchor_spl::token::ID,
            solana_sdk_ids::system_program::ID,
            solana_sdk_ids::sysvar::instructions::ID,
            solana_sdk_ids::sysvar::clock::ID,
        ]);
    }

    /// The same market once more.
    pub fn fork(&self) -> Self {
        Self {
            chain: self.chain.fork(),
            keys: Rc::clone(&self.keys),
            wallets: self.wallets.clone(),
            stranger: self.stranger.clone(),
            strangers_tokens: self.strangers_tokens.clone(),
            pool: self.pool.clone(),
            ledger: self.chain.ledger(),
            vaults: self.vaults.clone(),
            beginning: self.beginning,
        }
    }

    /// Reads what lies on the chain now.
    pub fn look(&mut self) {
        self.ledger = self.chain.ledger();
        let Ledger { jobs, leases, nodes, providers, tokens, .. } = &self.ledger;
        for address in jobs.keys().chain(leases.keys()).chain(nodes.keys()).chain(providers.keys()).chain(tokens.keys())
        {
            if !self.pool.contains(address) {
                self.pool.push(*address);
            }
        }
    }

    pub fn send(&mut self, instructions: &[Instruction]) -> Result<Receipt, Refusal> {
        let result = self.chain.send_instructions(instructions, &self.keys);
        if result.is_ok() {
            self.look();
        }
        result
    }

    /// Nobody can sign for an address that is nobody's key.
    pub fn sign(&self, instructions: &mut [Instruction]) {
        for meta in instructions.iter_mut().flat_map(|one| &mut one.accounts) {
            meta.is_signer &= self.keys.iter().any(|key| key.pubkey() == meta.pubkey);
        }
    }

    pub fn wait(&mut self, seconds: u64) {
        let passed = self.chain.now().0 - self.beginning;
        self.chain.advance(Seconds(seconds.min(FURTHEST - passed.min(FURTHEST))));
    }

    pub fn wallet(&self, choice: u8) -> &Wallet {
        pick(&self.wallets, choice).expect("there are wallets")
    }

    pub fn any_address(&self, choice: u8) -> Pubkey {
        *pick(&self.pool, choice).expect("there are addresses")
    }

    fn owner(&self, address: &Pubkey) -> Wallet {
        let everybody = self.wallets.iter().chain([&self.stranger]);
        let known = everybody.clone().find(|wallet| wallet.address() == *address);
        known.unwrap_or(&self.stranger).clone()
    }

    fn key(&self, address: &Pubkey) -> Keypair {
        self.keys.iter().find(|key| key.pubkey() == *address).unwrap_or(&self.stranger.key).insecure_clone()
    }

    /// Addresses are searched for, so each is found once only.
    fn vault(&mut self, seed: &'static [u8], owner: Pubkey) -> Pubkey {
        let derive = || Environment::derive(&[seed, owner.as_ref()]);
        *self.vaults.entry((seed, owner)).or_insert_with(derive)
    }

    /// Every vault, by whose it is.
    pub fn vaults(&mut self) -> BTreeMap<Pubkey, Pubkey> {
        let jobs = self.ledger.jobs.keys().map(|job| (seeds::JOB_VAULT, *job));
        let providers = self.ledger.providers.keys();
        let providers = providers.flat_map(|one| [(seeds::STAKE_VAULT, *one), (seeds::EARNINGS_VAULT, *one)]);
        let all: Vec<_> = jobs.chain(providers).collect();
        all.into_iter().map(|(seed, owner)| (self.vault(seed, owner), owner)).collect()
    }

    pub fn provider(&mut self, choice: u8) -> Option<ProviderHandle> {
        let address = *pick_key(&self.ledger.providers, choice)?;
        Some(self.provider_at(address))
    }

    fn provider_at(&mut self, address: Pubkey) -> ProviderHandle {
        let owner = self.ledger.providers.get(&address).map(|provider| provider.owner).unwrap_or_default();
        ProviderHandle {
            owner: self.owner(&owner),
            address,
            stake_vault: self.vault(seeds::STAKE_VAULT, address),
            earnings_vault: self.vault(seeds::EARNINGS_VAULT, address),
        }
    }

    pub fn node(&mut self, choice: u8) -> Option<NodeHandle> {
        let address = *pick_key(&self.ledger.nodes, choice)?;
        Some(self.node_at(address))
    }

    fn node_at(&mut self, address: Pubkey) -> NodeHandle {
        let (key, provider) =
            self.ledger.nodes.get(&address).map(|node| (node.node_key, node.provider)).unwrap_or_default();
        NodeHandle { address, key: self.key(&key), provider: self.provider_at(provider) }
    }

    pub fn job(&mut self, choice: u8) -> Option<JobHandle> {
        let address = *pick_key(&self.ledger.jobs, choice)?;
        Some(self.job_at(address))
    }

    fn job_at(&mut self, address: Pubkey) -> JobHandle {
        let (buyer, funder) = self.ledger.jobs.get(&address).map(|job| (job.buyer, job.funder)).unwrap_or_default();
        JobHandle {
            address,
            vault: self.vault(seeds::JOB_VAULT, address),
            buyer: self.owner(&buyer),
            funder: self.owner(&funder),
        }
    }

    pub fn lease(&mut self, choice: u8) -> Option<LeaseHandle> {
        let (address, lease) = pick_entry(&self.ledger.leases, choice)?;
        let (address, job, node) = (*address, lease.job, lease.node);
        Some(LeaseHandle { address, job: self.job_at(job), node: self.node_at(node) })
    }
}

fn pick<T>(from: &[T], choice: u8) -> Option<&T> {
    from.get(usize::from(choice).checked_rem(from.len())?)
}

fn pick_entry<K, V>(from: &BTreeMap<K, V>, choice: u8) -> Option<(&K, &V)> {
    from.iter().nth(usize::from(choice).checked_rem(from.len())?)
}

fn pick_key<K, V>(from: &BTreeMap<K, V>, choice: u8) -> Option<&K> {
    pick_entry(from, choice).map(|(key, _)| key)
}
