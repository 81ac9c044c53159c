use std::path::PathBuf;

use millrace_client::{Sender, instructions};
use millrace_protocol::{Address, Hardware, HardwareClass};
use serde::Serialize;
use serde_json::Value;

use crate::args::RotateNodeKey;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::rigs::{self, NodeKey};
use crate::views::change::Change;

#[derive(Serialize)]
struct Rotated {
    node: Address,
    node_key: Change<Address>,
    node_key_path: PathBuf,
    /// Whether there was no such file, and the key was made.
    node_key_made: bool,
    /// Whether the network had attested the hardware, and has to again.
    attestation_ended: bool,
    transaction: String,
    #[serde(skip)]
    hardware: Hardware,
}

impl Report for Rotated {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let mut rows = vec![
            ("node", self.node.to_string()),
            ("old key", self.node_key.before.to_string()),
            ("new key", rigs::shown_key(self.node_key.after, &self.node_key_path, self.node_key_made, style)),
        ];
        if self.attestation_ended {
            rows.push(("attestation", style.warn("ended: the hardware has to be attested anew")));
        }
        rows.push(("transaction", self.transaction.clone()));
        format!("{}\n{}", style.good("node has a new key"), output::rows(rows))
    }

    fn next(&self) -> Vec<String> {
        let command = rigs::worker_command(&self.node_key_path, &self.hardware);
        let copied = if self.node_key_made { ", with a copy of that file" } else { "" };
        vec![format!("{command}  (on the rig, in place of the worker with the old key{copied})")]
    }
}

/// Gives a node another key.
///
/// # Errors
/// A key that is a node's already, a file that holds none, a node that does not exist or is another
/// provider's, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: RotateNodeKey) -> Result<(), Failure> {
    let owner = context.keypair()?;
    let wallet = address(&owner);
    let client = context.client();
    let found = rigs::of_owner(&client, wallet, args.node).await?;
    let NodeKey { key: next, is_new } = rigs::key_for_node(context.output, &client, &args.node_key).await?;
    let rotation = instructions::rotate_node_key(wallet, &found, address(&next));
    let receipt = Sender::new(client, owner).send(&rotation, &[&next]).await?;
    context.output.report(&Rotated {
        node: found.address,
        node_key: Change { before: found.node_key, after: address(&next) },
        node_key_path: args.node_key,
        node_key_made: is_new,
        attestation_ended: found.node.attestation.class > HardwareClass::Claimed,
        transaction: receipt.signature.to_string(),
        hardware: found.node.hardware,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::list_nodes::tests::account;

    #[test]
    fn both_keys_are_told() {
        let mut rotated = Rotated {
            node: Address([1; 32]),
            node_key: Change { before: Address([2; 32]), after: Address([3; 32]) },
            node_key_path: "rig1-new.json".into(),
            node_key_made: true,
            attestation_ended: true,
            transaction: "4xY".to_owned(),
            hardware: account(0).node.hardware,
        };
        insta::assert_snapshot!(rotated.human(Style::plain()));
        insta::assert_snapshot!(rotated.next().join("\n"));
        (rotated.attestation_ended, rotated.node_key_made) = (false, false);
        let shown = rotated.human(Style::plain());
        assert!(!shown.contains("attestation") && !shown.contains("made now"), "{shown}");
        assert!(!rotated.next()[0].contains("a copy"), "{}", rotated.next()[0]);
    }
}
