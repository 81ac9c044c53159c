//! From a signed transaction to its fate.

use std::time::Duration;

use solana_commitment_config::CommitmentConfig;
use solana_rpc_client_api::client_error::{Error as RpcError, ErrorKind};
use solana_rpc_client_api::config::{RpcSendTransactionConfig, RpcTransactionConfig};
use solana_rpc_client_api::request::{RpcError as Answer, RpcResponseErrorData};
use solana_signature::Signature;
use solana_transaction::Transaction;
use solana_transaction_error::TransactionError;
use solana_transaction_status_client_types::{TransactionStatus, UiTransactionEncoding};
use tokio::time::Instant;

use super::{Receipt, Sender};
use crate::{Error, instructions};

/// Before the second look; doubles until the sender's own interval. Most transactions are confirmed
/// within a slot, and somebody waits for each.
const FIRST_POLL: Duration = Duration::from_millis(25);

/// What one endpoint knows of a transaction.
enum Fate {
    /// Not seen, or not confirmed yet.
    Open,
    Landed {
        slot: u64,
        result: Result<(), TransactionError>,
    },
    /// Not in the ledger, and its blockhash is too old to get there.
    Expired,
}

impl Sender {
    pub(super) async fn deliver(&self, transaction: &Transaction, last_valid: u64) -> Result<Receipt, Error> {
        let signature = transaction.signatures.first().copied().unwrap_or_default();
        let started = Instant::now();
        let mut resend_at = started;
        let mut poll = FIRST_POLL;
        loop {
            let now = Instant::now();
            let is_due = now >= resend_at;
            if is_due {
                resend_at = now + self.options.resend_every;
                if let Err(refusal) = self.broadcast(transaction).await {
                    // An earlier send may have landed; then that is the fate, not this answer.
                    return self.conclude(transaction, self.fate(signature, None).await).await.unwrap_or(Err(refusal));
                }
            }
            let fate = self.fate(signature, is_due.then_some(last_valid)).await;
            if let Some(fate) = self.conclude(transaction, fate).await {
                return fate;
            }
            let waited = started.elapsed();
            if waited >= self.options.give_up_after {
                return Err(Error::Unconfirmed { signature, waited });
            }
            poll = poll.min(self.options.poll_every);
            tokio::time::sleep(poll).await;
            poll *= 2;
        }
    }

    /// `None` while the fate is open, which it also is while no endpoint answers: the transaction
    /// may be on its way.
    async fn conclude(&self, transaction: &Transaction, fate: Result<Fate, Error>) -> Option<Result<Receipt, Error>> {
        let signature = transaction.signatures.first().copied().unwrap_or_default();
        match fate {
            Ok(Fate::Landed { slot, result: Ok(()) }) => Some(Ok(Receipt { signature, slot })),
            Ok(Fate::Landed { result: Err(error), .. }) => {
                let logs = self.logs(signature).await;
                Some(Err(self.refused_transaction(&error, transaction, logs).await))
            }
            Ok(Fate::Expired) => Some(Err(Error::Expired { signature })),
            Ok(Fate::Open) => None,
            Err(error) if error.is_transient() => {
                tracing::debug!(%signature, %error, "no status for now");
                None
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Sends once. An endpoint that is down, behind, or has seen the transaction already is no failure.
    async fn broadcast(&self, transaction: &Transaction) -> Result<(), Error> {
        // Simulated before, and a preflight would hide a transaction that has landed already.
        let config = RpcSendTransactionConfig {
            skip_preflight: true,
            max_retries: Some(0),
            ..RpcSendTransactionConfig::default()
        };
        let sent = self
            .client
            .ask(|rpc| {
                let transaction = transaction.clone();
                async move { rpc.send_transaction_with_config(&transaction, config).await }
            })
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if error.is_transient() => Ok(()),
            Err(Error::Rejected { endpoint, source }) => match source.get_transaction_error() {
                Some(TransactionError::AlreadyProcessed | TransactionError::BlockhashNotFound) => Ok(()),
                Some(error) => Err(self.refused_transaction(&error, transaction, preflight_logs(&source)).await),
                None => Err(Error::Rejected { endpoint, source }),
            },
            Err(error) => Err(error),
        }
    }

    /// Height and status come from the same endpoint, the height first: once that endpoint's
    /// confirmed chain is past the last valid height and does not hold the transaction, none will.
    async fn fate(&self, signature: Signature, last_valid: Option<u64>) -> Result<Fate, Error> {
        self.client
            .ask(|rpc| async move {
                let is_over = match last_valid {
                    Some(last_valid) => rpc.get_block_height().await? > last_valid,
                    None => false,
                };
                let found = if is_over {
                    rpc.get_signature_statuses_with_history(&[signature]).await?
                } else {
                    rpc.get_signature_statuses(&[signature]).await?
                };
                Ok(match found.value.into_iter().next().flatten() {
                    Some(status) => landed(status),
                    None if is_over => Fate::Expired,
                    None => Fate::Open,
                })
            })
            .await
    }

    async fn refused_transaction(
        &self,
        error: &TransactionError,
        transaction: &Transaction,
        logs: Vec<String>,
    ) -> Error {
        let message = &transaction.message;
        let described: Vec<_> = message
            .instructions
            .iter()
            .filter_map(|one| {
                let program = *message.account_keys.get(usize::from(one.program_id_index))?;
                Some((program, instructions::name(&program, &one.data)))
            })
            .collect();
        self.refused(error, &described, logs).await
    }

    /// The logs of a failed transaction, where an endpoint still has them.
    async fn logs(&self, signature: Signature) -> Vec<String> {
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(CommitmentConfig::confirmed()),
            max_supported_transaction_version: Some(0),
        };
        let read = self.client.ask(|rpc| async move { rpc.get_transaction_with_config(&signature, config).await });
        match tokio::time::timeout(Duration::from_secs(5), read).await {
            Ok(Ok(found)) => found.transaction.meta.and_then(|meta| meta.log_messages.into()).unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

fn landed(status: TransactionStatus) -> Fate {
    if status.satisfies_commitment(CommitmentConfig::confirmed()) {
        let result = status.err.map_or(Ok(()), Err);
        Fate::Landed { slot: status.slot, result }
    } else {
        Fate::Open
    }
}

fn preflight_logs(error: &RpcError) -> Vec<String> {
    match error.kind() {
        ErrorKind::RpcError(Answer::RpcResponseError {
            data: RpcResponseErrorData::SendTransactionPreflightFailure(simulated),
            ..
        }) => simulated.logs.clone().unwrap_or_default(),
        _ => Vec::new(),
    }
}
