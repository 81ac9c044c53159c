use millrace_protocol::Diagnostic;
use millrace_worker::doctor::{Examination, Finding, Grade};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::ExamineRig;
use crate::context::Context;
use crate::errors::Failure;
use crate::output::{self, Report, Style};

#[derive(Serialize)]
struct Examined {
    findings: Vec<Finding>,
}

/// What was found keeps a worker from working.
#[derive(Debug, Error)]
#[error("{count} of the rig's parts must be mended before a worker runs on it")]
struct Unfit {
    count: usize,
}

impl Diagnostic for Unfit {
    fn code(&self) -> &'static str {
        "rig-unfit"
    }

    fn hint(&self) -> String {
        "do what stands behind each of them, then run `millrace worker doctor` again".to_owned()
    }
}

impl Report for Examined {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let width = self.findings.iter().map(|finding| finding.subject.len()).max().unwrap_or(0);
        let line = |finding: &Finding| {
            let mark = match finding.grade {
                Grade::Good => style.good("good"),
                Grade::Less => style.warn("less"),
                Grade::Bad => style.error("bad "),
            };
            let fix = finding.fix.as_ref().map_or_else(String::new, |fix| format!("\n      {:width$}  {fix}", ""));
            format!("{mark}  {:width$}  {}{fix}", finding.subject, finding.found)
        };
        self.findings.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn next(&self) -> Vec<String> {
        vec![]
    }
}

/// Says what is wrong with this rig and what mends it.
///
/// # Errors
/// `rig-unfit`, after the report.
pub async fn run(context: &Context<'_>, args: ExamineRig) -> Result<(), Failure> {
    let examination = Examination {
        docker_host: args.docker_host,
        orchestrator_url: args.orchestrator,
        ..Examination::new(args.data_dir, args.disk_reserve.into())
    };
    let findings = examination.run().await;
    let count = findings.iter().filter(|finding| finding.grade == Grade::Bad).count();
    context.output.report(&Examined { findings });
    if count == 0 { Ok(()) } else { Err(Failure::refused(&Unfit { count })) }
}
