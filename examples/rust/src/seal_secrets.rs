//! Seal what a lease's rig needs, and nobody else may know.

use ed25519_dalek::SigningKey;
use millrace_client::accounts::{LeaseAccount, NodeAccount};
use millrace_client::seal::{Binding, Secrets, seal};
use millrace_client::{Client, Keypair, address};
use millrace_protocol::Address;

/// The body of `PUT /v1/jobs/{job}/sealed/{lease}`. Lease and node are the chain's: whoever carries the envelope could
/// name a node of its own.
pub async fn seal_secrets(
    client: &Client,
    buyer: &Keypair,
    lease: Address,
    secrets: &Secrets,
) -> anyhow::Result<Vec<u8>> {
    let lease: LeaseAccount = client.fetch(lease).await?;
    let node: NodeAccount = client.fetch(lease.node).await?;
    let binding = Binding { program: address::program(), job: lease.job, node: lease.node, lease: lease.address };
    let signer = SigningKey::from_bytes(buyer.secret_bytes());
    Ok(seal(secrets, binding, node.node_key, &signer)?)
}
