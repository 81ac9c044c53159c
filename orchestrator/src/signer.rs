use std::sync::Arc;

use millrace_client::{Keypair, SignedVoucher};
use millrace_link::grpc;
use millrace_protocol::voucher::Voucher;

/// The scheduler's signature on vouchers, the only thing it signs besides transactions.
#[derive(Clone)]
pub(crate) struct Signer {
    key: Arc<Keypair>,
}

impl Signer {
    pub fn new(key: Arc<Keypair>) -> Self {
        Self { key }
    }

    pub fn sign(&self, voucher: Voucher) -> SignedVoucher {
        SignedVoucher::sign(voucher, &self.key)
    }

    /// As a worker gets it.
    pub fn message(&self, voucher: Voucher) -> grpc::Voucher {
        let signed = self.sign(voucher);
        grpc::Voucher {
            lease: voucher.lease.0.to_vec(),
            message: voucher.encode().to_vec(),
            signature: signed.signature.to_vec(),
        }
    }
}
