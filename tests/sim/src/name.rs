//! Addresses that say what they are, and short names for the log.

use millrace_protocol::Address;

pub const CONFIG: Address = Address([b'C'; 32]);
pub const PROGRAM: Address = Address([9; 32]);
/// The network's scheduler, which attests.
pub const SCHEDULER: Address = Address([8; 32]);

fn numbered(kind: u8, number: usize) -> Address {
    let mut bytes = [0; 32];
    bytes[0] = kind;
    bytes[1..5].copy_from_slice(&u32::try_from(number).expect("a small world").to_be_bytes());
    Address(bytes)
}

pub fn provider(number: usize) -> Address {
    numbered(b'P', number)
}

pub fn node(number: usize) -> Address {
    numbered(b'N', number)
}

pub fn buyer(number: usize) -> Address {
    numbered(b'B', number)
}

pub fn job(number: usize) -> Address {
    numbered(b'J', number)
}

/// Like the program's own: of the job, the slot it was opened in, and the number.
pub fn lease(job: Address, opened_slot: u64, lease_number: u32) -> Address {
    let mut bytes = job.0;
    bytes[0] = b'L';
    bytes[5..9].copy_from_slice(&lease_number.to_be_bytes());
    bytes[24..32].copy_from_slice(&opened_slot.to_be_bytes());
    Address(bytes)
}

/// Of a job's round, by its number.
pub fn round(job: Address, opened_slot: u64, number: u32) -> Address {
    let mut bytes = lease(job, opened_slot, number).0;
    bytes[0] = b'Q';
    Address(bytes)
}

/// Of the dispute about a lease.
pub fn dispute(lease: Address) -> Address {
    let mut bytes = lease.0;
    bytes[0] = b'D';
    Address(bytes)
}

/// The position that is part of the address.
pub fn number(address: Address) -> usize {
    u32::from_be_bytes(address.0[1..5].try_into().expect("four bytes")) as usize
}

/// `N3`, `J1`, `L1.0@25`.
pub fn short(address: Address) -> String {
    let kind = char::from(address.0[0]);
    match kind {
        'L' | 'D' | 'Q' => {
            let lease = u32::from_be_bytes(address.0[5..9].try_into().expect("four bytes"));
            let slot = u64::from_be_bytes(address.0[24..32].try_into().expect("eight bytes"));
            format!("{kind}{}.{lease}@{slot}", number(address))
        }
        'P' | 'N' | 'B' | 'J' => format!("{kind}{}", number(address)),
        _ => address.to_string(),
    }
}
