use std::collections::BTreeMap;
use std::rc::Rc;

use solana_clock::Clock;
use solana_instruction::Instruction;
use solana_instruction_error::InstructionError;
use solana_pubkey::Pubkey;
use solana_rent::Rent;
use solana_sdk_ids::{
    bpf_loader, bpf_loader_upgradeable, ed25519_program, incinerator, native_loader, system_program, sysvar,
};

use crate::loader::Entry;
use crate::message::{self, Privilege};
use crate::transaction::{Frame, InstructionAccount, Transaction, current, process, under_way};
use crate::{Account, Refusal, precompile, stubs};

/// Length of the loader's header before a program's bytes. Source: `UpgradeableLoaderState`.
const PROGRAM_DATA_HEADER: usize = 45;

/// A chain: accounts, programs and a clock. Cheap to clone, so that many lives can begin alike.
#[derive(Clone)]
pub struct Chain {
    pub accounts: BTreeMap<Pubkey, Account>,
    pub clock: Clock,
    pub rent: Rent,
    programs: Rc<BTreeMap<Pubkey, Entry>>,
}

/// A transaction that went through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Instructions that programs called, in the order they were called.
    pub inner: Vec<Instruction>,
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

impl Chain {
    /// The programs of the chain itself, and SPL Token.
    pub fn new() -> Self {
        let native = |owner| Account { lamports: 1, data: Vec::new(), owner, executable: true };
        let accounts = BTreeMap::from([
            (system_program::ID, native(native_loader::ID)),
            (ed25519_program::ID, native(native_loader::ID)),
            (spl_token::ID, native(bpf_loader::ID)),
        ]);
        let token: Entry = |program, accounts, data| spl_token::processor::Processor::process(program, accounts, data);
        let programs = Rc::new(BTreeMap::from([(spl_token::ID, token)]));
        Self { accounts, clock: Clock::default(), rent: Rent::default(), programs }
    }

    /// Puts a program at `address`, upgradeable by nobody yet. Returns the account of its bytes.
    pub fn deploy(&mut self, address: Pubkey, entry: Entry) -> Pubkey {
        let data = Pubkey::find_program_address(&[address.as_ref()], &bpf_loader_upgradeable::ID).0;
        // Bincode of `UpgradeableLoaderState`: its tag, then the fields.
        let program = [&2_u32.to_le_bytes()[..], data.as_ref()].concat();
        let mut program_data = vec![0; PROGRAM_DATA_HEADER];
        program_data[0] = 3;
        self.put_program(address, program, true);
        self.put_program(data, program_data, false);
        Rc::make_mut(&mut self.programs).insert(address, entry);
        data
    }

    fn put_program(&mut self, address: Pubkey, data: Vec<u8>, executable: bool) {
        let lamports = self.rent.minimum_balance(data.len());
        self.accounts.insert(address, Account { lamports, data, owner: bpf_loader_upgradeable::ID, executable });
    }

    /// Runs a transaction, signed by whoever its instructions name as signers.
    ///
    /// # Errors
    /// What stopped it; nothing has changed then.
    pub fn execute(&mut self, instructions: &[Instruction]) -> Result<Receipt, Refusal> {
        stubs::install();
        let privileges = message::privileges(instructions);
        if let Some(stranger) = instructions.iter().find(|one| !self.is_program(&one.program_id)) {
            return Err(Refusal::NotAProgram(stranger.program_id));
        }
        let (after, result) = under_way(self.begin(instructions, &privileges), || run(instructions, &privileges));
        result?;
        for (key, account) in &after.accounts {
            if privileges[key].writable && !self.rent_is_kept(key, account) {
                return Err(Refusal::Rent(*key));
            }
        }
        for (key, account) in after.accounts.into_iter().filter(|(key, _)| privileges[key].writable) {
            if account.lamports == 0 {
                self.accounts.remove(&key);
            } else {
                self.accounts.insert(key, account);
            }
        }
        Ok(Receipt { inner: after.inner })
    }

    fn is_program(&self, key: &Pubkey) -> bool {
        self.programs.contains_key(key) || *key == system_program::ID || *key == ed25519_program::ID
    }

    fn begin(&self, instructions: &[Instruction], privileges: &BTreeMap<Pubkey, Privilege>) -> Transaction {
        let account = |key: &Pubkey| match *key {
            sysvar::instructions::ID => {
                let data = message::instructions_sysvar(instructions, privileges);
                Account { data, owner: sysvar::ID, ..Account::default() }
            }
            sysvar::clock::ID => sysvar_account(&clock_bytes(&self.clock)),
            sysvar::rent::ID => sysvar_account(&rent_bytes(&self.rent)),
            _ => self.accounts.get(key).cloned().unwrap_or_default(),
        };
        Transaction {
            accounts: privileges.keys().map(|key| (*key, account(key))).collect(),
            programs: Rc::clone(&self.programs),
            clock: self.clock.clone(),
            rent: self.rent.clone(),
            stack: Vec::new(),
            inner: Vec::new(),
            trace: 0,
            index: 0,
            made: 0,
            failed: None,
        }
    }

    /// An account may be empty, or hold its rent, or, if it was short of it before, be no shorter.
    fn rent_is_kept(&self, key: &Pubkey, after: &Account) -> bool {
        let enough = |account: &Account| account.lamports >= self.rent.minimum_balance(account.data.len());
        let as_before = || {
            self.accounts.get(key).is_some_and(|before| {
                let short = before.lamports > 0 && !enough(before);
                short && before.data.len() == after.data.len() && before.lamports >= after.lamports
            })
        };
        after.lamports == 0 || enough(after) || *key == incinerator::ID || as_before()
    }
}

fn run(instructions: &[Instruction], privileges: &BTreeMap<Pubkey, Privilege>) -> Result<(), Refusal> {
    for (index, instruction) in (0..).zip(instructions) {
        let result = if instruction.program_id == ed25519_program::ID {
            precompile::verify(&instruction.data, instructions)
        } else {
            top_level(u16::from(index), instruction, privileges)
        };
        result.map_err(|error| Refusal::Instruction(index, error))?;
    }
    Ok(())
}

fn top_level(
    index: u16,
    instruction: &Instruction,
    privileges: &BTreeMap<Pubkey, Privilege>,
) -> Result<(), InstructionError> {
    current(|transaction| transaction.index = index);
    let accounts = instruction.accounts.iter();
    let accounts = accounts.map(|meta| InstructionAccount { key: meta.pubkey, privilege: privileges[&meta.pubkey] });
    process(Frame { program: instruction.program_id, accounts: accounts.collect() }, &instruction.data)
}

fn sysvar_account(data: &[u8]) -> Account {
    Account { lamports: 1, data: data.to_vec(), owner: sysvar::ID, executable: false }
}

fn clock_bytes(clock: &Clock) -> Vec<u8> {
    let Clock { slot, epoch_start_timestamp, epoch, leader_schedule_epoch, unix_timestamp } = clock;
    let start = epoch_start_timestamp.to_le_bytes();
    let [slot, epoch, leader_schedule_epoch] = [slot, epoch, leader_schedule_epoch].map(|number| number.to_le_bytes());
    [slot, start, epoch, leader_schedule_epoch, unix_timestamp.to_le_bytes()].concat()
}

#[allow(deprecated, reason = "the account keeps the old fields")]
fn rent_bytes(rent: &Rent) -> Vec<u8> {
    let (rate, threshold) = (rent.lamports_per_byte_year.to_le_bytes(), rent.exemption_threshold.to_le_bytes());
    [&rate[..], &threshold, &[rent.burn_percent]].concat()
}
