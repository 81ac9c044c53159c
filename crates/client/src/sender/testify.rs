//! Asking one endpoint what it knows of a transaction.

use solana_commitment_config::CommitmentConfig;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_signature::Signature;
use solana_transaction_status_client_types::TransactionStatus;

use super::verdict::{Sighting, Testimony};
use crate::client::RpcResult;

/// One endpoint's word. The height comes first and from its finalized chain; the status counts only when
/// it is of a chain at least as long, because behind one address there may be several machines.
pub(super) async fn testify(rpc: &RpcClient, signature: Signature, last_valid: Option<u64>) -> RpcResult<Testimony> {
    let over_at = match last_valid {
        Some(last_valid) => {
            let reached = rpc.get_epoch_info_with_commitment(CommitmentConfig::finalized()).await?;
            (reached.block_height > last_valid).then_some(reached.absolute_slot)
        }
        None => None,
    };
    let found = match over_at {
        Some(_) => rpc.get_signature_statuses_with_history(&[signature]).await?,
        None => rpc.get_signature_statuses(&[signature]).await?,
    };
    let slot = found.context.slot;
    let sighting = found.value.into_iter().next().flatten().map_or(Sighting::Nothing, sighting);
    Ok(Testimony { slot, sighting, is_past: over_at.is_some_and(|over_at| slot >= over_at) })
}

fn sighting(status: TransactionStatus) -> Sighting {
    if status.satisfies_commitment(CommitmentConfig::confirmed()) {
        Sighting::Landed { slot: status.slot, result: status.err.map_or(Ok(()), Err) }
    } else {
        Sighting::Pending
    }
}
