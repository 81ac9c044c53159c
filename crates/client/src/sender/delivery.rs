//! From a signed transaction to its fate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::client_error::Error as RpcError;
use solana_rpc_client_api::config::RpcSendTransactionConfig;
use solana_signature::Signature;
use solana_transaction::Transaction;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::testify::testify;
use super::verdict::{Testimony, Verdict, judge};
use super::{Receipt, Sender};
use crate::Error;
use crate::client::{RpcResult, is_endpoint_fault};

/// Before the second look; doubles until the sender's own interval. Most transactions are confirmed
/// within a slot, and somebody waits for each.
const FIRST_POLL: Duration = Duration::from_millis(25);
/// How long the first look waits for an endpoint to take the transaction.
const TAKEN: Duration = Duration::from_secs(1);

/// Who has not answered for so long is taken for gone. A blockhash lives twice as long.
const SILENT_FOR: Duration = Duration::from_secs(30);

/// What a delivery knows so far.
struct Delivery<'a> {
    transaction: &'a Transaction,
    signature: Signature,
    started: Instant,
    /// Sends under way; they end with the delivery.
    sends: JoinSet<(usize, RpcResult<Signature>)>,
    /// Endpoints that will not take the transaction, and why.
    refusals: BTreeMap<usize, RpcError>,
    /// Endpoints that have answered since the transaction was sent.
    witnesses: BTreeSet<usize>,
    /// Since when one endpoint tells a landing that no other tells yet.
    claimed: Option<Instant>,
}

impl Sender {
    /// Sends the very same bytes until their fate is known. Dropping it loses nothing but the answer.
    pub(super) async fn deliver(&self, transaction: &Transaction, last_valid: u64) -> Result<Receipt, Error> {
        let signature = transaction.signatures.first().copied().unwrap_or_default();
        let (sends, refusals, witnesses) = (JoinSet::new(), BTreeMap::new(), BTreeSet::new());
        let started = Instant::now();
        let mut delivery = Delivery { transaction, signature, started, sends, refusals, witnesses, claimed: None };
        let mut resend_at = started;
        let mut poll = FIRST_POLL;
        loop {
            let now = Instant::now();
            let is_due = now >= resend_at;
            if is_due {
                resend_at = now + self.options.resend_every;
                self.broadcast(&mut delivery).await;
            }
            if let Some(fate) = self.look(&mut delivery, is_due.then_some(last_valid)).await {
                return fate;
            }
            // Where nobody takes it, an earlier send may still have landed: that was looked for first.
            if delivery.refusals.len() == self.client.endpoints().rpc.len()
                && let Some(refusal) = self.refusal(transaction, std::mem::take(&mut delivery.refusals)).await
            {
                return Err(refusal);
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

    /// Sends to every endpoint, and waits until one has it.
    async fn broadcast(&self, delivery: &mut Delivery<'_>) {
        // Simulated before, and a preflight would hide a transaction that has landed already.
        let config = RpcSendTransactionConfig {
            skip_preflight: true,
            max_retries: Some(0),
            ..RpcSendTransactionConfig::default()
        };
        // What hangs since the last time is not waited for any longer.
        delivery.sends.abort_all();
        delivery.sends = JoinSet::new();
        for (index, rpc) in self.client.rpcs() {
            let transaction = delivery.transaction.clone();
            delivery.sends.spawn(async move { (index, rpc.send_transaction_with_config(&transaction, config).await) });
        }
        let deadline = Instant::now() + TAKEN;
        while let Ok(Some(sent)) = tokio::time::timeout_at(deadline, delivery.sends.join_next()).await {
            if delivery.note(sent) {
                break;
            }
        }
    }

    /// Asks every endpoint once. `None` while the fate is open, which it also is while nobody answers: the
    /// transaction may be on its way.
    async fn look(&self, delivery: &mut Delivery<'_>, last_valid: Option<u64>) -> Option<Result<Receipt, Error>> {
        let signature = delivery.signature;
        let request = |rpc: Arc<RpcClient>| async move { testify(&rpc, signature, last_valid).await };
        let asked_at = Instant::now();
        let mut verdict = self.verdict(delivery, asked_at, self.client.ask_each(request, |_| true).await);
        if verdict == Verdict::Dead {
            // Before anything is signed a second time, everybody is heard, however slow.
            let asked_at = Instant::now();
            verdict = self.verdict(delivery, asked_at, self.client.ask_all(request).await);
        }
        let (slot, result) = match verdict {
            Verdict::Open => {
                delivery.claimed = None;
                return None;
            }
            Verdict::Dead => return Some(Err(Error::Expired { signature })),
            Verdict::Claimed { slot, result } => {
                let since = *delivery.claimed.get_or_insert_with(Instant::now);
                if since.elapsed() < self.options.corroborate_for {
                    return None;
                }
                (slot, result)
            }
            Verdict::Landed { slot, result } => (slot, result),
        };
        self.client.note_landed(slot);
        Some(match result {
            Ok(()) => Ok(Receipt { signature, slot }),
            Err(error) => {
                let logs = self.logs(signature).await;
                Err(self.refused_transaction(&error, delivery.transaction, logs).await)
            }
        })
    }

    fn verdict(
        &self,
        delivery: &mut Delivery<'_>,
        asked_at: Instant,
        answers: Vec<(usize, RpcResult<Testimony>)>,
    ) -> Verdict {
        let n_endpoints = self.client.endpoints().rpc.len();
        let slots: Vec<u64> = answers.iter().filter_map(|(_, answer)| Some(answer.as_ref().ok()?.slot)).collect();
        self.client.believe(&slots, asked_at);
        let mut testimonies = Vec::with_capacity(answers.len());
        for (endpoint, answer) in answers {
            match answer {
                // Who speaks of slots that cannot be has no say where there is anybody else.
                Ok(testimony) if n_endpoints == 1 || self.client.allows(testimony.newest_slot()) => {
                    delivery.witnesses.insert(endpoint);
                    testimonies.push(testimony);
                }
                Ok(testimony) => tracing::warn!(endpoint, slot = testimony.slot, "an endpoint tells impossible slots"),
                Err(error) => {
                    tracing::debug!(signature = %delivery.signature, endpoint, %error, "no status for now");
                }
            }
        }
        let is_early = delivery.started.elapsed() < SILENT_FOR;
        judge(&testimonies, if is_early { n_endpoints } else { delivery.witnesses.len() })
    }
}

impl Delivery<'_> {
    /// Whether an endpoint has the transaction now. One that is down or behind is no refusal.
    fn note(&mut self, sent: Result<(usize, RpcResult<Signature>), tokio::task::JoinError>) -> bool {
        match sent {
            Ok((index, Ok(_))) => {
                self.refusals.remove(&index);
                true
            }
            Ok((index, Err(error))) => {
                tracing::debug!(signature = %self.signature, endpoint = index, %error, "an endpoint does not take it");
                if !is_endpoint_fault(&error) {
                    self.refusals.insert(index, error);
                }
                false
            }
            Err(_) => false,
        }
    }
}
