//! A job's money as the chain tells it: every movement with its transaction, and the sum.

use millrace_client::history::{Posting, Statement};
use millrace_protocol::{Address, MicroUsdc};
use serde::Serialize;

use crate::output::Style;
use crate::output::table::{Column, render};

/// One movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    pub what: String,
    /// Into the job's vault, or out of it.
    pub into_vault: bool,
    pub amount: MicroUsdc,
    pub transaction: String,
}

/// Every movement, and whether they add up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    pub lines: Vec<Line>,
    pub paid_in: MicroUsdc,
    pub paid_out: MicroUsdc,
    /// To the micro-USDC, with nothing left in the vault.
    pub exact: bool,
}

/// The movements in their order: deposit, then by provider's name, then the refund. `name` tells what a
/// node's provider is called.
pub fn account(statement: &Statement, name: &dyn Fn(Address) -> String) -> Account {
    let mut lines = Vec::new();
    let mut line = |what: String, into_vault: bool, posting: &Posting| {
        lines.push(Line { what, into_vault, amount: posting.amount, transaction: posting.signature.to_string() });
    };
    if let Some(deposit) = &statement.deposit {
        line("deposit".to_owned(), true, deposit);
    }
    let mut nodes: Vec<_> = statement.nodes.iter().map(|node| (name(node.node), node)).collect();
    nodes.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (provider, node) in nodes {
        node.paid.iter().for_each(|posting| line(format!("paid to {provider}"), false, posting));
        node.fees.iter().for_each(|posting| line(format!("fee on {provider}"), false, posting));
        node.penalties.iter().for_each(|posting| line(format!("bond of {provider}"), true, posting));
    }
    if let Some(refund) = &statement.refund {
        line("refund".to_owned(), false, refund);
    }
    // Sums are taken over the very lines that are shown, not over the statement behind them.
    let sum = |into_vault: bool| {
        let amounts = lines.iter().filter(|line| line.into_vault == into_vault).map(|line| line.amount);
        amounts.fold(MicroUsdc::ZERO, |sum, amount| sum.plus(amount).unwrap_or(MicroUsdc::MAX))
    };
    let (paid_in, paid_out) = (sum(true), sum(false));
    let exact = statement.balanced()
        && statement.refund.is_some()
        && statement.in_vault == MicroUsdc::ZERO
        && statement.surplus == MicroUsdc::ZERO
        && paid_in == paid_out;
    Account { lines, paid_in, paid_out, exact }
}

/// The account as a table, the sums below.
pub fn text(account: &Account, style: Style) -> String {
    let mut rows: Vec<_> = account
        .lines
        .iter()
        .map(|line| {
            let (into, out) =
                if line.into_vault { (usdc(line.amount), String::new()) } else { (String::new(), usdc(line.amount)) };
            vec![line.what.clone(), into, out, line.transaction.clone()]
        })
        .collect();
    rows.push(vec!["sum".to_owned(), usdc(account.paid_in), usdc(account.paid_out), String::new()]);
    let columns =
        [Column::Text("money"), Column::Number("in, USDC"), Column::Number("out, USDC"), Column::Text("transaction")];
    let verdict = if account.exact {
        style.good("in and out are equal to the micro-USDC, and the job's vault is empty")
    } else {
        style.error("in and out differ, or money is still in the job's vault")
    };
    format!("{}\n\n{verdict}", render(&columns, &rows))
}

/// Without the unit, which stands in the column's name.
pub fn usdc(amount: MicroUsdc) -> String {
    amount.to_string().trim_end_matches(" USDC").to_owned()
}

#[cfg(test)]
mod tests;
