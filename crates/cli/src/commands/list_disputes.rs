use millrace_client::accounts::DisputeAccount;
use millrace_protocol::{Address, MicroUsdc, UnixSeconds};
use millrace_spec::Sha256;
use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::errors::Failure;
use crate::output::table::{Column, render};
use crate::output::{self, Report, Style};
use crate::views::duration::in_time;

#[derive(Serialize)]
struct Disputes {
    disputes: Vec<Open>,
    #[serde(skip)]
    now: UnixSeconds,
}

#[derive(Serialize)]
struct Open {
    lease: Address,
    job: Address,
    challenger: Address,
    bond: MicroUsdc,
    evidence_sha256: String,
    opened_at: UnixSeconds,
    decide_by: UnixSeconds,
}

impl Report for Disputes {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, _style: Style) -> String {
        if self.disputes.is_empty() {
            return "no disputes".to_owned();
        }
        let row = |open: &Open| {
            vec![
                open.lease.to_string(),
                open.job.to_string(),
                open.bond.to_string(),
                in_time(open.decide_by, self.now),
                open.evidence_sha256.clone(),
            ]
        };
        let rows: Vec<_> = self.disputes.iter().map(row).collect();
        let columns = [
            Column::Text("lease"),
            Column::Text("job"),
            Column::Number("bond"),
            Column::Text("to decide"),
            Column::Text("evidence's sha256"),
        ];
        render(&columns, &rows)
    }

    fn next(&self) -> Vec<String> {
        match self.disputes.as_slice() {
            [] => Vec::new(),
            [first, ..] => {
                vec![format!("millrace dispute rule {} <provider-right|buyer-right|split>", first.lease)]
            }
        }
    }
}

impl From<DisputeAccount> for Open {
    fn from(found: DisputeAccount) -> Self {
        Self {
            lease: found.lease,
            job: found.job,
            challenger: found.challenger,
            bond: found.dispute.bond,
            evidence_sha256: Sha256(found.evidence_hash).to_string(),
            opened_at: found.dispute.opened_at,
            decide_by: found.dispute.decide_by,
        }
    }
}

/// Lists the open disputes, those first that are to be decided first.
///
/// # Errors
/// An RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>) -> Result<(), Failure> {
    let client = context.client();
    let now = client.chain_clock().await?;
    let mut disputes: Vec<_> = client.fetch_all::<DisputeAccount>().await?.into_iter().map(Open::from).collect();
    disputes.sort_by_key(|open| (open.decide_by, open.lease));
    context.output.report(&Disputes { disputes, now });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dispute_has_a_line() {
        let open = Open {
            lease: Address([1; 32]),
            job: Address([2; 32]),
            challenger: Address([3; 32]),
            bond: MicroUsdc(1_000_000),
            evidence_sha256: "ab".repeat(32),
            opened_at: UnixSeconds(0),
            decide_by: UnixSeconds(7 * 86_400),
        };
        let mut list = Disputes { disputes: vec![open], now: UnixSeconds(86_400) };
        insta::assert_snapshot!(list.human(Style::plain()));
        assert!(list.next()[0].starts_with("millrace dispute rule "), "{:?}", list.next());
        list.disputes.clear();
        assert_eq!((list.human(Style::plain()).as_str(), list.next().len()), ("no disputes", 0));
    }
}
