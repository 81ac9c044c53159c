//! Figures beside the committed ones, which are less or equal as long as nothing got worse.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Rewrites the file where it is set.
pub const WRITE: &str = "MILLRACE_WRITE_FIGURES";
/// What is reported, as a share of the committed figure.
const TOLERANCE: f64 = 0.10;

/// Where figures are committed, and how they are read out.
pub struct Committed {
    /// Below the crate's folder.
    pub file: &'static str,
    pub decimals: usize,
    pub unit: &'static str,
    /// What a greater figure is, and a smaller one.
    pub words: [&'static str; 2],
}

impl Committed {
    /// Prints a table of them.
    pub fn compare<'a>(&self, figures: impl IntoIterator<Item = (&'a str, f64)>) {
        let Self { decimals, unit, words: [worse, better], .. } = self;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.file);
        let known = fs::read_to_string(&path).unwrap_or_default();
        let known: BTreeMap<&str, f64> = known
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter_map(|(name, figure)| Some((name, figure.parse().ok()?)))
            .collect();
        println!("| figure | committed | now | |\n|---|--:|--:|---|");
        let mut file = String::new();
        for (name, now) in figures {
            writeln!(file, "{name}\t{now:.decimals$}").expect("text has room");
            let before = known.get(name);
            let verdict = match before {
                Some(before) => {
                    let more = (now / before - 1.0) * 100.0;
                    match more.round() {
                        _ if now > before * (1.0 + TOLERANCE) => {
                            eprintln!("regression: {name} is {more:.0} % {worse}");
                            format!("**{more:.0} % {worse}**")
                        }
                        0.0 => "as before".to_owned(),
                        1.0.. => format!("{more:.0} % {worse}"),
                        _ => format!("{:.0} % {better}", -more),
                    }
                }
                None => "new".to_owned(),
            };
            let before = before.map_or_else(String::new, |before| format!("{before:.decimals$}{unit}"));
            println!("| {name} | {before} | {now:.decimals$}{unit} | {verdict} |");
        }
        println!();
        if std::env::var_os(WRITE).is_some() {
            fs::write(path, file).expect("the checkout can be written");
        }
    }
}
