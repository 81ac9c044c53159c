use std::sync::Arc;

use millrace_client::{Keypair, SignedVoucher, Signer as _};
use millrace_link::grpc;
use millrace_protocol::voucher::Voucher;
use millrace_scheduler::DrawSecret;
use millrace_spec::sha256;

/// The scheduler's signature on vouchers, the only thing it signs for others besides transactions.
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

    /// What spot checks are drawn by: the same at each start with the same key, and known to nobody without it. The
    /// signature that it is made of is told to nobody, and is neither a voucher's nor a transaction's.
    pub fn draw_secret(&self) -> DrawSecret {
        let signature = self.key.sign_message(b"millrace spot check secret v1");
        DrawSecret(sha256(signature.as_ref()).0)
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
