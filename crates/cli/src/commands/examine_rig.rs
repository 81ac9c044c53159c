use millrace_protocol::Diagnostic;
use millrace_worker::doctor::{Examination, Examined, Finding, Grade};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::{ExamineRig, RigToLookAt};
use crate::context::Context;
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::settings::{self, Source};

/// What was found on a rig.
#[derive(Serialize)]
pub struct Found {
    pub findings: Vec<Finding>,
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

impl Report for Found {
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
    let examined = examine(context, &args.rig).await;
    context.output.report(&Found { findings: examined.findings.clone() });
    is_fit(&examined)
}

/// What nobody has named is not looked for.
pub async fn examine(context: &Context<'_>, rig: &RigToLookAt) -> Examined {
    let settings::Found { value: rpc_url, source } = context.settings.rpc_url.clone();
    let examination = Examination {
        docker_host: rig.docker_host.clone(),
        orchestrator_url: rig.orchestrator.clone(),
        rpc_url: (source != Source::Default).then_some(rpc_url),
        ..Examination::new(rig.data_dir(), rig.disk_reserve().into())
    };
    examination.run().await
}

/// # Errors
/// `rig-unfit`.
pub fn is_fit(examined: &Examined) -> Result<(), Failure> {
    match examined.bad() {
        0 => Ok(()),
        count => Err(Failure::refused(&Unfit { count })),
    }
}
