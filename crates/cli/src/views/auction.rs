//! Auctions as tables: every bid with its score, and what became of it.

use millrace_protocol::Address;
use millrace_protocol::PricePerGpuHour;
use millrace_scheduler::{Auction, Candidate, PassedOver, Step};

use super::short;
use crate::audit::Note;
use crate::output::Style;
use crate::output::table::{Column, render};

/// Each auction with its bids, the best first.
pub fn text(auctions: &[Auction], notes: &[Note], style: Style) -> String {
    if auctions.is_empty() {
        return "no auction of this job has had a bid and come to its end".to_owned();
    }
    let columns = [
        Column::Text("node"),
        Column::Number("bid"),
        Column::Number("reputation"),
        Column::Number("link"),
        Column::Number("image"),
        Column::Number("packing"),
        Column::Number("scarcity"),
        Column::Number("score"),
        Column::Text("what became of it"),
    ];
    let mut parts = Vec::new();
    for auction in auctions {
        let rows: Vec<_> = auction.book.ranked().iter().map(|bid| row(auction, bid)).collect();
        let (number, root) = (auction.book.auction, auction.root);
        parts.push(format!("auction {number}, root {root}\n{}", render(&columns, &rows)));
    }
    let right = "every bid is signed, each decision follows from the bids, and the leases on chain are those awarded";
    parts.push(style.good(right));
    parts.extend(notes.iter().map(note));
    parts.join("\n\n")
}

fn row(auction: &Auction, bid: &Candidate) -> Vec<String> {
    let score = bid.score;
    let part = |micro: u64| usdc(PricePerGpuHour(micro));
    let failed = if bid.failed { " (failed before)" } else { "" };
    vec![
        format!("{}{failed}", short(bid.node)),
        part(score.price),
        part(score.reputation),
        part(score.link),
        part(score.image),
        part(score.packing),
        part(score.scarcity),
        part(score.total()),
        fate(auction, bid.node),
    ]
}

fn fate(auction: &Auction, node: Address) -> String {
    let steps = auction.steps.iter().filter(|step| step.node() == node);
    let words: Vec<String> = steps.map(step).collect();
    if words.is_empty() { "-".to_owned() } else { words.join(", then ") }
}

fn step(step: &Step) -> String {
    match step {
        Step::Awarded { lease, .. } => format!("lease {lease}"),
        Step::PassedOver { reason: PassedOver::Excluded(constraint), .. } => {
            let named = serde_json::to_value(constraint).ok();
            let named = named.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            format!("passed over: {named}")
        }
        Step::PassedOver { reason: PassedOver::Unaffordable, .. } => "passed over: the deposit is too small".to_owned(),
        Step::PassedOver { reason: PassedOver::NotLeasable, .. } => "passed over: not leasable".to_owned(),
        Step::Failed { code, .. } => format!("no lease: {code}"),
        Step::Lapsed { .. } => "no lease: nothing was heard of the offer".to_owned(),
    }
}

fn note(note: &Note) -> String {
    match note {
        Note::OtherKey { auction, node } => {
            format!("auction {auction}: the key of {node} on chain is another one than that of its bid")
        }
        Note::ReputationMoved { auction, node, recorded, least } => format!(
            "auction {auction}: leases of the provider of {node} were settled since; its reputation, {} in the book, \
             was {} or more (of 10000), and no more can be said",
            recorded.0, least.0
        ),
        Note::OtherSize { auction, node, idle_gpus, units } => format!(
            "auction {auction}: {node} has {units} GPUs on chain now, and could not be left with {idle_gpus} idle; it was \
             changed since, or the bids are weighed wrongly"
        ),
        Note::NoBook { auction } => format!("auction {auction}: nothing was decided in it, so your bid lost nothing"),
        Note::InBook { auction } => format!("auction {auction}: your bid is among the bids"),
    }
}

fn usdc(price: PricePerGpuHour) -> String {
    format!("{}.{:06}", price.0 / 1_000_000, price.0 % 1_000_000)
}
