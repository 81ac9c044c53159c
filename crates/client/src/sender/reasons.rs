//! Why a transaction was refused, as a typed error.

use std::collections::BTreeMap;
use std::time::Duration;

use anchor_lang::prelude::Pubkey;
use solana_commitment_config::CommitmentConfig;
use solana_rpc_client_api::client_error::{Error as RpcError, ErrorKind};
use solana_rpc_client_api::config::RpcTransactionConfig;
use solana_rpc_client_api::request::{RpcError as Answer, RpcResponseErrorData};
use solana_signature::Signature;
use solana_transaction::Transaction;
use solana_transaction_error::TransactionError;
use solana_transaction_status_client_types::UiTransactionEncoding;

use super::Sender;
use crate::refusal::{Refusal, failing_program};
use crate::{Asset, Error, instructions};

impl Sender {
    /// The typed error behind a transaction error.
    pub(super) async fn refused(
        &self,
        error: &TransactionError,
        instructions: &[(Pubkey, &'static str)],
        logs: Vec<String>,
    ) -> Error {
        // The payer is a transaction's first account.
        let payer_is_short = matches!(
            error,
            TransactionError::AccountNotFound
                | TransactionError::InsufficientFundsForFee
                | TransactionError::InsufficientFundsForRent { account_index: 0 }
        );
        if payer_is_short {
            let available = self.client.lamports(self.payer()).await.ok();
            return Error::InsufficientFunds { owner: self.payer(), asset: Asset::Sol, available, needed: None };
        }
        let at = match error {
            TransactionError::InstructionError(index, _) => instructions.get(usize::from(*index)).copied(),
            _ => None,
        };
        let source = Refusal::of(error, failing_program(&logs), at.map(|(program, _)| program));
        Error::Refused { instruction: at.map_or("the transaction", |(_, name)| name), source, logs }
    }

    /// Why no endpoint takes the transaction; `None` where that says nothing about it.
    pub(super) async fn refusal(
        &self,
        transaction: &Transaction,
        refusals: BTreeMap<usize, RpcError>,
    ) -> Option<Error> {
        let (index, source) = refusals.into_iter().next()?;
        match source.get_transaction_error() {
            Some(TransactionError::AlreadyProcessed | TransactionError::BlockhashNotFound) => None,
            Some(error) => Some(self.refused_transaction(&error, transaction, preflight_logs(&source)).await),
            None => Some(self.client.failure(Some((index, source)))),
        }
    }

    pub(super) async fn refused_transaction(
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
    pub(super) async fn logs(&self, signature: Signature) -> Vec<String> {
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

fn preflight_logs(error: &RpcError) -> Vec<String> {
    match error.kind() {
        ErrorKind::RpcError(Answer::RpcResponseError {
            data: RpcResponseErrorData::SendTransactionPreflightFailure(simulated),
            ..
        }) => simulated.logs.clone().unwrap_or_default(),
        _ => Vec::new(),
    }
}
