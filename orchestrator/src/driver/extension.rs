use millrace_link::grpc;
use millrace_link::grpc::orchestrator_message::Body;
use millrace_protocol::{Address, Seconds};
use millrace_scheduler::{Event, Transaction};

use super::actions::{done, failed};
use super::answers::propose;
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
            let proposed = (Body::Extension(message), prepared.transaction.as_slice());
            let hint = "nothing to do: what is not done when the lease ends goes on elsewhere";
            let input = match propose(outbound, proposed, answered, ("more time for its lease", hint)).await {
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
