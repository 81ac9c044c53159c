use std::collections::BTreeMap;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::bpf_loader_upgradeable;
use anchor_lang::solana_program::instruction::Instruction;
use anchor_lang::solana_program::program_pack::Pack;
use anchor_lang::{Discriminator, InstructionData, ToAccountMetas, ZeroCopy};
use anchor_spl::token::spl_token::state::{Account as TokenState, AccountState, Mint};
use millrace_nativechain::Account;
use millrace_protocol::{MicroUsdc, Parameters, Seconds, UnixSeconds};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::network::Network;
use crate::refusal::Expected;
use crate::{Call, Receipt, Refusal, Wallet, builders};

/// When every test begins: 2026-01-01.
const BEGINNING: UnixSeconds = UnixSeconds(1_767_225_600);
/// Length of the loader's header before the program's bytes.
const PROGRAM_DATA_HEADER: usize = 45;

/// A chain with the program on it, and the keys of those who run the network.
pub struct Environment {
    pub(crate) svm: Network,
    n_keys: u64,
    /// Pays every transaction fee, so that other wallets' lamports change by rent alone.
    pub fee_payer: Keypair,
    /// The program's upgrade authority and the network's admin.
    pub admin: Keypair,
    pub scheduler: Keypair,
    pub arbiter: Keypair,
    pub mint: Pubkey,
    pub treasury: Pubkey,
}

impl Environment {
    /// A network with the [`builders::parameters`].
    pub fn new() -> Self {
        Self::with(builders::parameters())
    }

    pub fn with(parameters: Parameters) -> Self {
        let mut environment = Self::unfounded();
        environment.do_initialize(parameters);
        environment
    }

    /// The program is deployed, the network not founded yet.
    ///
    /// # Panics
    /// When the built program is missing or does not load.
    pub fn unfounded() -> Self {
        let mut svm = Network::new();
        svm.add_program(millrace::ID);
        let [fee_payer, admin, scheduler, mint, treasury, arbiter] = std::array::from_fn(|index| key(index as u64));
        let (mint, treasury) = (mint.pubkey(), treasury.pubkey());
        let mut environment = Self { svm, n_keys: 6, fee_payer, admin, scheduler, arbiter, mint, treasury };
        environment.set_upgrade_authority(millrace::ID, environment.admin.pubkey());
        for key in [&environment.fee_payer, &environment.admin, &environment.scheduler, &environment.arbiter]
            .map(Signer::pubkey)
        {
            environment.svm.edit(key, |account| account.lamports += 1_000_000_000_000);
        }
        environment.put_mint(environment.mint);
        environment.put_tokens(environment.treasury, Pubkey::new_unique(), environment.mint, MicroUsdc::ZERO);
        environment.set_clock(1_000, BEGINNING);
        environment
    }

    /// The same chain once more; what happens on one does not happen on the other.
    pub fn fork(&self) -> Self {
        let [fee_payer, admin, scheduler, arbiter] =
            [&self.fee_payer, &self.admin, &self.scheduler, &self.arbiter].map(Keypair::insecure_clone);
        Self {
            svm: self.svm.clone(),
            n_keys: self.n_keys,
            fee_payer,
            admin,
            scheduler,
            arbiter,
            mint: self.mint,
            treasury: self.treasury,
        }
    }

    /// The loader's account that names the upgrade authority.
    pub fn program_data(&self) -> Pubkey {
        Self::program_data_of(millrace::ID)
    }

    fn program_data_of(program: Pubkey) -> Pubkey {
        Pubkey::find_program_address(&[program.as_ref()], &bpf_loader_upgradeable::ID).0
    }

    fn set_upgrade_authority(&mut self, program: Pubkey, authority: Pubkey) {
        self.svm.edit(Self::program_data_of(program), |account| {
            // Bincode: tag u32, slot u64, option u8, key.
            account.data[12] = 1;
            account.data[13..PROGRAM_DATA_HEADER].copy_from_slice(authority.as_ref());
        });
    }

    /// Somebody sends lamports to an address.
    pub fn put_lamports(&mut self, address: Pubkey, lamports: u64) {
        self.svm.edit(address, |account| account.lamports += lamports);
    }

    /// A mint of six decimals at `address`.
    pub fn put_mint(&mut self, address: Pubkey) {
        let mint = Mint { decimals: 6, is_initialized: true, supply: u64::MAX / 2, ..Mint::default() };
        let mut data = vec![0; Mint::LEN];
        mint.pack_into_slice(&mut data);
        self.put_token_program_account(address, data);
    }

    /// A token account at `address`, made up without a transaction.
    pub fn put_tokens(&mut self, address: Pubkey, owner: Pubkey, mint: Pubkey, amount: MicroUsdc) {
        let state =
            TokenState { mint, owner, amount: amount.0, state: AccountState::Initialized, ..TokenState::default() };
        let mut data = vec![0; TokenState::LEN];
        state.pack_into_slice(&mut data);
        self.put_token_program_account(address, data);
    }

    fn put_token_program_account(&mut self, address: Pubkey, data: Vec<u8>) {
        let lamports = self.svm.minimum_balance_for_rent_exemption(data.len());
        let account = Account { lamports, data, owner: anchor_spl::token::ID, executable: false };
        self.svm.set_account(address, account);
    }

    /// Overwrites an account of the program: states that no instruction can bring about.
    ///
    /// # Panics
    /// When there is no account at `address`.
    pub fn put<T: ZeroCopy + Discriminator>(&mut self, address: Pubkey, state: &T) {
        let mut account = self.svm.get_account(&address).expect("no account to overwrite");
        account.data = [T::DISCRIMINATOR, bytemuck::bytes_of(state)].concat();
        self.svm.set_account(address, account);
    }

    /// A copy of an account under another address, owned by `owner`: a forgery.
    pub fn forge(&mut self, original: Pubkey, owner: Pubkey) -> Pubkey {
        let mut account = self.svm.get_account(&original).expect("no account to copy");
        account.owner = owner;
        let address = Pubkey::new_unique();
        self.svm.set_account(address, account);
        address
    }

    /// Deploys the same program again under another address, with another upgrade authority.
    /// Returns its program data account.
    pub fn deploy_another(&mut self, authority: Pubkey) -> Pubkey {
        let program = Pubkey::new_unique();
        self.svm.add_program(program);
        self.set_upgrade_authority(program, authority);
        Self::program_data_of(program)
    }

    /// A new wallet with 100 SOL and a token account.
    pub fn wallet(&mut self, amount: MicroUsdc) -> Wallet {
        let (key, tokens) = (self.key(), self.key().pubkey());
        self.svm.edit(key.pubkey(), |account| account.lamports += 100_000_000_000);
        self.put_tokens(tokens, key.pubkey(), self.mint, amount);
        Wallet { key, tokens }
    }

    /// A new key, the same in every run: addresses, and what it costs to find them, do not vary.
    pub fn key(&mut self) -> Keypair {
        self.n_keys += 1;
        key(self.n_keys - 1)
    }

    pub fn now(&self) -> UnixSeconds {
        UnixSeconds(u64::try_from(self.svm.clock().unix_timestamp).unwrap())
    }

    /// Moves the clock; slots pass too, two a second.
    pub fn travel_to(&mut self, time: UnixSeconds) {
        let slot = self.svm.clock().slot + 2 * time.since(self.now()).0;
        self.set_clock(slot + 1, time);
    }

    pub fn advance(&mut self, duration: Seconds) {
        self.travel_to(self.now().after(duration).unwrap());
    }

    fn set_clock(&mut self, slot: u64, time: UnixSeconds) {
        self.svm.set_clock(slot, i64::try_from(time.0).unwrap());
    }

    /// Sends a call in a transaction of its own.
    ///
    /// # Errors
    /// The chain's refusal.
    pub fn send<A: ToAccountMetas, D: InstructionData>(&mut self, call: &Call<A, D>) -> Result<Receipt, Refusal> {
        let mut instructions = call.before.clone();
        instructions.push(call.instruction());
        self.send_instructions(&instructions, &call.signers)
    }

    /// # Errors
    /// The chain's refusal.
    pub fn send_instructions(&mut self, instructions: &[Instruction], signers: &[Keypair]) -> Result<Receipt, Refusal> {
        let mut keys = vec![&self.fee_payer];
        for key in signers {
            let signs = instructions
                .iter()
                .flat_map(|one| &one.accounts)
                .any(|meta| meta.is_signer && meta.pubkey == key.pubkey());
            if signs && !keys.iter().any(|known| known.pubkey() == key.pubkey()) {
                keys.push(key);
            }
        }
        self.svm.send(instructions, &keys)
    }

    /// Sends a call that must fail with exactly `expected`, and must leave no trace on chain.
    ///
    /// # Panics
    /// When it goes through, fails otherwise, or changes an account.
    #[track_caller]
    pub fn refuses<A: ToAccountMetas, D: InstructionData>(&mut self, call: &Call<A, D>, expected: impl Into<Expected>) {
        let before = self.everything();
        let refusal = self.send(call).expect_err("must be refused");
        assert_eq!(refusal.custom_code(), Some(expected.into().code()), "{refusal:?}");
        assert!(before == self.everything(), "a refused instruction changed an account");
    }

    /// Every account of the program and of the token program, lamports included.
    pub fn everything(&self) -> BTreeMap<Pubkey, (u64, Vec<u8>)> {
        [millrace::ID, anchor_spl::token::ID]
            .iter()
            .flat_map(|program| self.svm.get_program_accounts(program))
            .map(|(address, account)| (address, (account.lamports, account.data)))
            .collect()
    }
}

fn key(number: u64) -> Keypair {
    let mut seed = [b'M'; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    Keypair::new_from_array(seed)
}

impl Default for Environment {
    fn default() -> Self {
        Self::new()
    }
}
