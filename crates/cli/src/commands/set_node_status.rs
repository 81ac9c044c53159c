use millrace_client::instructions;
use millrace_protocol::{Address, GpuUnits, NodeStatus};
use serde::Serialize;
use serde_json::Value;

use crate::args::NodeReference;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views::change::Change;
use crate::{rigs, views};

#[derive(Serialize)]
struct Set {
    node: Address,
    status: Change<NodeStatus>,
    units_leased: GpuUnits,
    units: GpuUnits,
    transaction: Option<String>,
}

impl Report for Set {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let headline = match (self.status.after, self.units_leased) {
            (NodeStatus::Draining, GpuUnits::ZERO) => "node takes no further lease",
            (NodeStatus::Draining, _) => "node finishes its leases and takes no further one",
            (NodeStatus::Active, _) => "node takes leases",
        };
        let Change { before, after } = self.status;
        let status = Change { before: views::status::node(before), after: views::status::node(after) };
        let rows = output::rows([
            ("node", self.node.to_string()),
            ("status", status.to_string()),
            ("leased", format!("{} of {} units", self.units_leased.0, self.units.0)),
            ("transaction", views::transaction(self.transaction.as_ref())),
        ]);
        format!("{}\n{rows}", style.good(headline))
    }

    fn next(&self) -> Vec<String> {
        let node = self.node;
        match (self.status.after, self.units_leased) {
            (NodeStatus::Draining, GpuUnits::ZERO) => vec![
                format!("millrace node remove {node}  (takes it off the market for good)"),
                format!("millrace node resume {node}"),
            ],
            (NodeStatus::Draining, _) => vec![
                "millrace node list  (until nothing is leased; leave its worker running)".to_owned(),
                format!("millrace node resume {node}"),
            ],
            (NodeStatus::Active, _) => vec!["millrace node list".to_owned()],
        }
    }
}

/// Keeps a node from further leases, or lets it take them again.
///
/// # Errors
/// A node that does not exist or is another provider's, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: NodeReference, status: NodeStatus) -> Result<(), Failure> {
    let owner = context.keypair()?;
    let wallet = address(&owner);
    let found = rigs::of_owner(&context.client(), wallet, args.node).await?;
    let before = found.node.status;
    let mut transaction = None;
    if before != status {
        let draining = status == NodeStatus::Draining;
        let receipt = context.send(&instructions::set_node_status(wallet, &found, draining), &owner).await?;
        transaction = Some(receipt.signature.to_string());
    }
    context.output.report(&Set {
        node: found.address,
        status: Change { before, after: status },
        units_leased: found.node.leased,
        units: found.node.hardware.units(),
        transaction,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_with_leases_is_not_said_to_be_free() {
        let mut set = Set {
            node: Address([1; 32]),
            status: Change { before: NodeStatus::Active, after: NodeStatus::Draining },
            units_leased: GpuUnits(1),
            units: GpuUnits(2),
            transaction: Some("4xY".to_owned()),
        };
        insta::assert_snapshot!(set.human(Style::plain()));
        assert!(set.next()[0].starts_with("millrace node list"), "{:?}", set.next());
        (set.units_leased, set.transaction) = (GpuUnits::ZERO, None);
        set.status.before = NodeStatus::Draining;
        insta::assert_snapshot!(set.human(Style::plain()));
        assert!(set.next()[0].starts_with("millrace node remove"), "{:?}", set.next());
    }
}
