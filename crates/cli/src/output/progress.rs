//! Bars on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::Output;

/// Progress of several parties towards one total.
pub struct Progress<'a> {
    output: &'a dyn Output,
    bars: Option<Bars>,
    total: u64,
    last_line: String,
}

struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    parties: BTreeMap<String, ProgressBar>,
}

impl<'a> Progress<'a> {
    /// Progress towards `total` of what `what` names, such as `frames`.
    pub fn new(output: &'a dyn Output, what: &str, total: u64) -> Self {
        let bars = output.draws().then(|| {
            let all = MultiProgress::new();
            let bar = all.add(ProgressBar::new(total).with_prefix(what.to_owned()));
            bar.set_style(template("{prefix:<36.bold} {bar:32.cyan/dim} {pos:>3}/{len} {elapsed_precise} {msg}"));
            bar.enable_steady_tick(Duration::from_millis(250));
            Bars { all, total: bar, parties: BTreeMap::new() }
        });
        Self { output, bars, total, last_line: String::new() }
    }

    /// How far the whole is, in one word more.
    pub fn total(&mut self, done: u64, message: &str) {
        match &self.bars {
            Some(bars) => {
                bars.total.set_position(done);
                bars.total.set_message(message.to_owned());
            }
            None => {
                let line = format!("{done}/{} {message}", self.total);
                if line != self.last_line {
                    self.output.note(&line);
                    self.last_line = line;
                }
            }
        }
    }

    /// How far one party is and what it does.
    pub fn party(&mut self, name: &str, done: u64, message: &str) {
        let total = self.total;
        if let Some(bars) = &mut self.bars {
            let bar = bars.parties.entry(name.to_owned()).or_insert_with(|| {
                let bar = bars.all.add(ProgressBar::new(total).with_prefix(name.to_owned()));
                bar.set_style(template("{prefix:<36} {bar:32.green/dim} {pos:>3} {msg}"));
                bar
            });
            bar.set_position(done);
            bar.set_message(message.to_owned());
        }
    }

    /// Leaves the bars as they stand.
    pub fn finish(self) {
        if let Some(bars) = self.bars {
            for bar in bars.parties.values() {
                bar.abandon();
            }
            bars.total.abandon();
            // The cursor stands behind the last bar.
            self.output.note("");
        }
    }
}

fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text).expect("templates are constants").progress_chars("━╸─")
}
