//! The scheduler's figures beside the committed ones. Time is virtual and nothing is drawn, so they change only
//! when the scheduler decides otherwise.

use crate::committed::{Committed, WRITE};

const COMMITTED: Committed =
    Committed { file: "benches/quality/figures.tsv", decimals: 3, unit: "", words: ["worse", "better"] };

pub fn section(figures: &[(String, f64)]) {
    println!("### Quality against the committed figures\n");
    println!(
        "The scheduler's means of the table above; committed in `orchestrator/core/{}`, rewritten with `{WRITE}=1`.\n",
        COMMITTED.file
    );
    COMMITTED.compare(figures.iter().map(|(name, figure)| (name.as_str(), *figure)));
}
