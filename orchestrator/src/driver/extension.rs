use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::{self, extension_reply};
use millrace_protocol::{Address, Seconds};
use millrace_scheduler::{Cause, Event, OpenFailure, Transaction};
use tokio::sync::oneshot;

use super::actions::{ANSWER_PATIENCE, done, failed};
use super::specs::cause;
use super::{Driver, Input};

impl Driver {
    /// Has the node sign beside the loop, and brings the transaction in. Whatever comes of it is told once.
    pub(super) fn propose_extension(&mut self, node: Address, lease: Address, more: Seconds) {
        let transaction = Transaction::ExtendLease { lease };
        let accounts = self.book.lease(lease).cloned().zip(self.book.node(node).cloned());
        let Some((account, node)) = accounts else { return self.unknown(transaction) };
        tracing::info!(%lease, node = %node.address, more = more.0, "proposing more time for a lease");
        let answered = self.extensions.expect(node.address, lease);
        let outbound = self.sessions.get(&node.address).map(|session| session.outbound.clone());
        let (chain, inbox) = (self.chain.clone(), self.inbox.clone());
        self.beside.spawn(async move {
            let prepared = match chain.prepare_extension(&account, &node, more).await {
                Ok(prepared) => prepared,
                Err(error) => {
                    tracing::warn!(%lease, %error, "more time for a lease cannot be prepared");
                    inbox.send(failed(transaction, cause(&error))).await;
                    return;
                }
            };
            let message = grpc::Extension { lease: lease.0.to_vec(), transaction: prepared.transaction.clone() };
            let body = Some(Body::Extension(message));
            let sent = match outbound {
                Some(outbound) => outbound.send(Ok(grpc::OrchestratorMessage { body })).await.is_ok(),
                None => false,
            };
            let input = match answer(sent, answered).await {
                Ok(signature) => match chain.extend_lease(&prepared, &account, &node, signature).await {
                    Ok((updates, signature)) => {
                        tracing::info!(%lease, more = more.0, signature, "a lease has more time");
                        done(updates, transaction, signature)
                    }
                    Err(error) => {
                        tracing::warn!(%lease, %error, "a lease cannot be extended");
                        chain.reconcile_soon();
                        failed(transaction, cause(&error))
                    }
                },
                Err(failure) => {
                    tracing::info!(%lease, node = %node.address, ?failure, "more time for a lease came to nothing");
                    Input::Event(Event::ExtensionFailed { lease, failure })
                }
            };
            inbox.send(input).await;
        });
    }
}

async fn answer(sent: bool, answered: oneshot::Receiver<extension_reply::Result>) -> Result<[u8; 64], OpenFailure> {
    if !sent {
        return Err(OpenFailure::Unanswered);
    }
    match tokio::time::timeout(ANSWER_PATIENCE, answered).await {
        Ok(Ok(extension_reply::Result::Signature(signature))) => {
            signature.try_into().map_err(|_| OpenFailure::Unanswered)
        }
        Ok(Ok(extension_reply::Result::Refusal(refusal))) => Err(OpenFailure::Refused(Cause {
            code: refusal.code,
            message: format!("the node refused more time for its lease: {}", refusal.cause),
            hint: "nothing to do: what is not done when the lease ends goes on elsewhere".to_owned(),
        })),
        Ok(Err(_)) | Err(_) => Err(OpenFailure::Unanswered),
    }
}
