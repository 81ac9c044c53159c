//! The scheduler's figures beside the committed ones. Time is virtual and nothing is drawn, so they change only
//! when the scheduler decides otherwise.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/quality/figures.tsv");
/// Rewrites the file where it is set.
const WRITE: &str = "MILLRACE_WRITE_FIGURES";
/// What is reported, as a share of the committed ratio.
const TOLERANCE: f64 = 0.10;

/// Each figure with the committed one, where there is one.
fn beside_committed(figures: &[(String, f64)]) -> impl Iterator<Item = (&str, Option<f64>, f64)> {
    let text = fs::read_to_string(FILE).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    let known: BTreeMap<String, f64> =
        lines.filter_map(|(name, ratio)| Some((name.to_owned(), ratio.parse().ok()?))).collect();
    figures.iter().map(move |(name, figure)| (name.as_str(), known.get(name).copied(), *figure))
}

pub fn section(figures: &[(String, f64)]) {
    println!("### Quality against the committed figures\n");
    println!(
        "The scheduler's means of the table above; committed in `orchestrator/core/benches/quality/figures.tsv`, \
         rewritten with `{WRITE}=1`.\n"
    );
    println!("| figure | committed | now | |\n|---|--:|--:|---|");
    let mut file = String::new();
    for (name, before, now) in beside_committed(figures) {
        writeln!(file, "{name}\t{now:.3}").expect("text has room");
        let verdict = match before {
            Some(before) if now > before * (1.0 + TOLERANCE) => {
                let verdict = format!("**{:.0} % worse**", (now / before - 1.0) * 100.0);
                eprintln!("regression: {name} is {verdict}");
                verdict
            }
            Some(_) => "as before or better".to_owned(),
            None => "new".to_owned(),
        };
        let before = before.map_or_else(String::new, |before| format!("{before:.3}"));
        println!("| {name} | {before} | {now:.3} | {verdict} |");
    }
    println!();
    if std::env::var_os(WRITE).is_some() {
        fs::write(FILE, file).expect("the checkout can be written");
    }
}
