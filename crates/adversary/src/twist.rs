use anchor_lang::prelude::AccountMeta;
use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::market::Market;

/// What an attacker changes about a transaction. Positions are taken modulo what there is.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Twist {
    /// Two accounts change places, flags and all.
    Swap(u8, u8),
    /// Two accounts change places, the flags stay.
    Exchange(u8, u8),
    /// The first account stands in the second one's place too.
    Repeat(u8, u8),
    LeaveOut(u8),
    /// Any address of the market, or a forgery, in an account's place.
    Replace(u8, u8),
    /// An account more, at the end.
    Append(u8, bool, bool),
    Unsign(u8),
    Sign(u8),
    Lock(u8),
    Unlock(u8),
    Cut(u8),
    Extend(u8, u8),
    Change(u8, u8),
    /// A number of eight bytes becomes as large as can be.
    Enlarge(u8),
    /// One instruction of the transaction is left out.
    Skip(u8),
    /// One instruction of the transaction comes twice.
    Double(u8),
    Reverse,
    /// Twists from here on change another instruction of the transaction than its last.
    Data(u8, u8, u8),
}

impl Twist {
    pub fn apply(self, instructions: &mut Vec<Instruction>, market: &Market) {
        match self {
            Self::Skip(which) => {
                if let Some(which) = place(which, instructions.len()) {
                    instructions.remove(which);
                }
            }
            Self::Double(which) => {
                if let Some(which) = place(which, instructions.len()).filter(|_| instructions.len() < 4) {
                    instructions.insert(which, instructions[which].clone());
                }
            }
            Self::Reverse => instructions.reverse(),
            Self::Data(which, at, value) => {
                if let Some(which) = place(which, instructions.len()) {
                    change(&mut instructions[which].data, at, value);
                }
            }
            _ => {
                if let Some(last) = instructions.last_mut() {
                    self.apply_to(last, market);
                }
            }
        }
    }

    fn apply_to(self, instruction: &mut Instruction, market: &Market) {
        let Instruction { accounts, data, .. } = instruction;
        let count = accounts.len();
        let at = |choice| place(choice, count);
        match self {
            Self::Swap(a, b) => {
                if let (Some(a), Some(b)) = (at(a), at(b)) {
                    accounts.swap(a, b);
                }
            }
            Self::Exchange(a, b) => {
                if let (Some(a), Some(b)) = (at(a), at(b)) {
                    let (first, second) = (accounts[a].pubkey, accounts[b].pubkey);
                    (accounts[a].pubkey, accounts[b].pubkey) = (second, first);
                }
            }
            Self::Repeat(a, b) => {
                if let (Some(a), Some(b)) = (at(a), at(b)) {
                    accounts[b].pubkey = accounts[a].pubkey;
                }
            }
            Self::LeaveOut(a) => drop(at(a).map(|a| accounts.remove(a))),
            Self::Replace(a, by) => {
                if let Some(a) = at(a) {
                    accounts[a].pubkey = market.any_address(by);
                }
            }
            Self::Append(which, is_signer, is_writable) if count < 24 => {
                accounts.push(AccountMeta { pubkey: market.any_address(which), is_signer, is_writable });
            }
            Self::Unsign(a) => set(accounts, at(a), |meta| meta.is_signer = false),
            Self::Sign(a) => set(accounts, at(a), |meta| meta.is_signer = true),
            Self::Lock(a) => set(accounts, at(a), |meta| meta.is_writable = false),
            Self::Unlock(a) => set(accounts, at(a), |meta| meta.is_writable = true),
            Self::Cut(to) => data.truncate(usize::from(to)),
            Self::Extend(by, value) => data.extend(std::iter::repeat_n(value, usize::from(by % 16))),
            Self::Change(at, value) => change(data, at, value),
            Self::Enlarge(at) => {
                let from = place(at, data.len()).unwrap_or_default();
                data.iter_mut().skip(from).take(8).for_each(|byte| *byte = u8::MAX);
            }
            _ => {}
        }
    }
}

fn place(choice: u8, count: usize) -> Option<usize> {
    usize::from(choice).checked_rem(count)
}

fn set(accounts: &mut [AccountMeta], at: Option<usize>, change: impl Fn(&mut AccountMeta)) {
    if let Some(at) = at {
        change(&mut accounts[at]);
    }
}

fn change(data: &mut [u8], at: u8, value: u8) {
    if let Some(at) = place(at, data.len()) {
        data[at] ^= value;
    }
}
