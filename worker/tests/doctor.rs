//! A rig is looked at as it is.

use millrace_worker::doctor::{Examination, Finding, Grade};

use crate::support::docker_is_here;
use crate::support::nvml_stub::NvmlStub;

async fn examined(change: impl FnOnce(&mut Examination)) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let mut examination = Examination::new(folder.path(), 1);
    change(&mut examination);
    let findings = examination.run().await.findings;
    for finding in &findings {
        assert_eq!(finding.fix.is_none(), finding.grade == Grade::Good, "what is not right can be mended: {finding:?}");
    }
    findings
}

fn of<'a>(findings: &'a [Finding], subject: &str) -> &'a Finding {
    findings.iter().find(|finding| finding.subject == subject).unwrap_or_else(|| panic!("nobody looked at {subject}"))
}

#[tokio::test]
async fn a_rig_whose_engine_does_not_answer_is_looked_at_all_the_same() {
    let stub = NvmlStub::build(&[]);
    stub.say("lost 2\n");
    let findings = examined(|examination| {
        examination.docker_host = Some("unix:///nowhere/docker.sock".into());
        examination.nvml_library = stub.library();
        examination.orchestrator_url = Some("http://127.0.0.1:1".into());
    })
    .await;
    assert_eq!(of(&findings, "container engine").grade, Grade::Bad);
    assert!(of(&findings, "GPUs").found.contains("(driver 570.86.15)"));
    assert!(findings.iter().any(|finding| finding.grade == Grade::Bad && finding.found.starts_with("GPU 2: ")));
    assert_eq!((of(&findings, "disk").grade, of(&findings, "orchestrator").grade), (Grade::Good, Grade::Bad));
    of(&findings, "container toolkit");
    of(&findings, "clock");
}

#[tokio::test]
async fn the_engine_of_this_machine_limits_and_filters_what_it_runs() {
    if !docker_is_here() {
        return;
    }
    let findings = examined(|_| {}).await;
    for subject in ["container engine", "limits", "system calls"] {
        assert_eq!(of(&findings, subject).grade, Grade::Good, "the other tests could not pass on it: {findings:?}");
    }
    of(&findings, "container runtime");
    of(&findings, "jobs with a network");
}
