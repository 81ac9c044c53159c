use std::path::PathBuf;

use millrace_protocol::{Address, Seconds};
use serde::Serialize;
use serde_json::Value;

use crate::output::table::{Column, render};
use crate::output::{self, Report, Style};
use crate::views::money::{self, Account};

/// What one node did.
#[derive(Clone, Debug, Serialize)]
pub struct Share {
    pub provider: String,
    pub node: Address,
    pub hardware: String,
    /// Frame numbers, from 1.
    pub frames: Vec<u32>,
    pub metered: Seconds,
}

/// The demo's result.
#[derive(Clone, Debug, Serialize)]
pub struct Performance {
    pub job: Address,
    pub n_frames: usize,
    pub frame_size: (u32, u32),
    pub frames: PathBuf,
    pub contact_sheet: PathBuf,
    pub shares: Vec<Share>,
    pub account: Account,
    /// From the quote to the last check.
    pub seconds: u64,
    pub dir: PathBuf,
}

impl Report for Performance {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let rows: Vec<_> = self
            .shares
            .iter()
            .map(|share| {
                vec![
                    share.provider.clone(),
                    share.hardware.clone(),
                    format!("{} s", share.metered.0),
                    share.frames.len().to_string(),
                    ranges(&share.frames),
                ]
            })
            .collect();
        let columns = [
            Column::Text("who rendered"),
            Column::Text("on"),
            Column::Number("attested"),
            Column::Number("frames"),
            Column::Text("which"),
        ];
        let (width, height) = self.frame_size;
        let done =
            format!("{} frames, each a valid PNG of {width} x {height}, after {} s", self.n_frames, self.seconds);
        format!(
            "\n{}\nframes         {}\ncontact sheet  {}\n\n{}\n\n{}",
            style.good(&done),
            self.frames.display(),
            self.contact_sheet.display(),
            render(&columns, &rows),
            money::text(&self.account, style)
        )
    }

    fn next(&self) -> Vec<String> {
        vec![
            format!("look at {}", self.contact_sheet.display()),
            format!("read the logs in {}", self.dir.join("logs").display()),
        ]
    }
}

/// `1-3, 7`
fn ranges(numbers: &[u32]) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in sorted {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let text = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    runs.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_protocol::MicroUsdc;

    #[test]
    fn runs_of_frames_are_drawn_together() {
        assert_eq!(ranges(&[3, 1, 2, 7, 9, 10]), "1-3, 7, 9-10");
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn the_report_names_files_shares_and_money() {
        let line = |what: &str, into_vault, amount| money::Line {
            what: what.to_owned(),
            into_vault,
            amount: MicroUsdc(amount),
            transaction: "5igNature".to_owned(),
        };
        let performance = Performance {
            job: Address([1; 32]),
            n_frames: 3,
            frame_size: (320, 240),
            frames: PathBuf::from("demo/frames"),
            contact_sheet: PathBuf::from("demo/contact-sheet.png"),
            shares: vec![Share {
                provider: "Alder Compute".to_owned(),
                node: Address([2; 32]),
                hardware: "rtx-4090 (simulated)".to_owned(),
                frames: vec![1, 2, 3],
                metered: Seconds(9),
            }],
            account: Account {
                lines: vec![
                    line("deposit", true, 1_000_000),
                    line("paid to Alder Compute", false, 950),
                    line("fee on Alder Compute", false, 50),
                    line("refund", false, 999_000),
                ],
                paid_in: MicroUsdc(1_000_000),
                paid_out: MicroUsdc(1_000_000),
                exact: true,
            },
            seconds: 12,
            dir: PathBuf::from("demo"),
        };
        insta::assert_snapshot!(performance.human(Style::plain()));
    }
}
