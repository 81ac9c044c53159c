//! The ed25519 precompile's instruction: how a voucher's signature reaches the program.
//!
//! The precompile fails the whole transaction when the signature is bad; what is left to check
//! is that it looked at the bytes we think it did. Only one layout is accepted: a single
//! signature, with key, signature and message inside that same instruction, in this order and
//! with nothing else around them.

use anchor_lang::prelude::*;
use millrace_protocol::voucher::{self, Voucher};
use solana_instructions_sysvar::{get_instruction_relative, load_current_index_checked};
use solana_sdk_ids::ed25519_program;

use crate::MarketError;

/// Count, padding, and seven `u16` of offsets.
const HEADER: usize = 16;
const KEY_AT: usize = HEADER;
const SIGNATURE_AT: usize = KEY_AT + 32;
const MESSAGE_AT: usize = SIGNATURE_AT + 64;

/// Length of the precompile instruction that carries one voucher, in bytes.
pub const LENGTH: usize = MESSAGE_AT + voucher::LENGTH;

/// The one accepted header. `u16::MAX` stands for "this same instruction".
const fn header() -> [u8; HEADER] {
    let fields =
        [SIGNATURE_AT as u16, u16::MAX, KEY_AT as u16, u16::MAX, MESSAGE_AT as u16, voucher::LENGTH as u16, u16::MAX];
    let mut bytes = [0; HEADER];
    bytes[0] = 1;
    let mut index = 0;
    while index < fields.len() {
        let field = fields[index].to_le_bytes();
        bytes[2 + 2 * index] = field[0];
        bytes[3 + 2 * index] = field[1];
        index += 1;
    }
    bytes
}

/// Data of the precompile instruction that must stand right before `settle`.
pub fn instruction_data(attestor: &[u8; 32], signature: &[u8; 64], message: &[u8; voucher::LENGTH]) -> Vec<u8> {
    [&header()[..], attestor, signature, message].concat()
}

/// Reads the voucher out of the precompile instruction right before the running one.
///
/// # Errors
/// [`MarketError::VoucherMissing`], [`MarketError::VoucherLayout`], [`MarketError::VoucherForged`]
/// when the signer is not `attestor`, [`MarketError::VoucherMalformed`].
pub fn voucher_before(instructions: &AccountInfo, attestor: &Pubkey) -> Result<Voucher> {
    let current = load_current_index_checked(instructions)?;
    require!(current > 0, MarketError::VoucherMissing);
    let before = get_instruction_relative(-1, instructions)?;
    require!(before.program_id == ed25519_program::ID, MarketError::VoucherMissing);
    read(&before.data, attestor)
}

fn read(data: &[u8], attestor: &Pubkey) -> Result<Voucher> {
    require!(data.len() == LENGTH && data[..HEADER] == header(), MarketError::VoucherLayout);
    require!(data[KEY_AT..SIGNATURE_AT] == attestor.to_bytes(), MarketError::VoucherForged);
    Voucher::decode(&data[MESSAGE_AT..]).map_err(|error| MarketError::from(error).into())
}

#[cfg(test)]
mod tests {
    use millrace_protocol::voucher::ExitClass;
    use millrace_protocol::{Address, Seconds};

    use super::*;

    fn voucher() -> Voucher {
        Voucher {
            program: Address([1; 32]),
            lease: Address([2; 32]),
            sequence: 3,
            metered: Seconds(4),
            downtime: Seconds(5),
            is_final: false,
            exit_class: ExitClass::Completed,
            result_root: [0; 32],
        }
    }

    #[test]
    fn reads_what_clients_build() {
        let data = instruction_data(&[7; 32], &[8; 64], &voucher().encode());
        assert_eq!(data.len(), LENGTH);
        assert_eq!(read(&data, &Pubkey::from([7; 32])).unwrap(), voucher());
    }

    #[test]
    fn every_other_header_is_refused() {
        let good = instruction_data(&[7; 32], &[8; 64], &voucher().encode());
        for position in 0..HEADER {
            let mut bad = good.clone();
            bad[position] ^= 1;
            assert_eq!(read(&bad, &Pubkey::from([7; 32])), Err(MarketError::VoucherLayout.into()), "byte {position}");
        }
        assert_eq!(read(&good[..LENGTH - 1], &Pubkey::from([7; 32])), Err(MarketError::VoucherLayout.into()));
        assert_eq!(
            read(&[good.as_slice(), &[0]].concat(), &Pubkey::from([7; 32])),
            Err(MarketError::VoucherLayout.into())
        );
        assert_eq!(read(&good, &Pubkey::from([9; 32])), Err(MarketError::VoucherForged.into()));
    }
}
