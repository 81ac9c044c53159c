//! A voucher together with its attestor's signature: what is redeemed, journaled and sent about.

use millrace_protocol::Address;
use millrace_protocol::voucher::Voucher;
use solana_keypair::{Keypair, Signer};
use solana_signature::Signature;

/// A voucher as its attestor signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedVoucher {
    pub voucher: Voucher,
    pub attestor: Address,
    /// ed25519 over [`Voucher::encode`].
    pub signature: [u8; 64],
}

impl SignedVoucher {
    /// Attests.
    pub fn sign(voucher: Voucher, attestor: &Keypair) -> Self {
        let signature = attestor.sign_message(&voucher.encode());
        Self { voucher, attestor: crate::keys::address_of(attestor), signature: signature.into() }
    }

    /// Whether the signature is the attestor's, over exactly this voucher.
    pub fn is_genuine(&self) -> bool {
        Signature::from(self.signature).verify(&self.attestor.0, &self.voucher.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_protocol::Seconds;
    use millrace_protocol::voucher::ExitClass;

    #[test]
    fn only_the_attestors_word_is_genuine() {
        let voucher = Voucher {
            program: crate::address::program(),
            lease: Address([2; 32]),
            sequence: 1,
            metered: Seconds(10),
            downtime: Seconds(0),
            is_final: false,
            exit_class: ExitClass::Completed,
            result_root: [0; 32],
        };
        let signed = SignedVoucher::sign(voucher, &Keypair::new());
        assert!(signed.is_genuine());
        let more = SignedVoucher { voucher: Voucher { metered: Seconds(11), ..voucher }, ..signed };
        assert!(!more.is_genuine());
        let other = SignedVoucher { attestor: crate::keys::address_of(&Keypair::new()), ..signed };
        assert!(!other.is_genuine());
    }
}
