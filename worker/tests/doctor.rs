//! A rig is looked at as it is.

use std::sync::atomic::Ordering::Relaxed;

use millrace_worker::doctor::{Examination, Finding, Grade};
use serde_json::json;

use crate::support::dated::Dated;
use crate::support::docker_is_here;
use crate::support::nvml_stub::NvmlStub;
use crate::support::told_engine::ToldEngine;

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

/// The engine is a stand-in that says of itself what the test wants; each fix is a change of what it says.
#[tokio::test]
async fn each_line_about_the_engine_is_right_before_its_fix_and_after() {
    let engine = ToldEngine::start();
    let look = async |subject: &'static str| {
        let findings = examined(|examination| examination.docker_host = Some(engine.host())).await;
        of(&findings, subject).clone()
    };
    for (subject, name, broken, mended, grade, found, fix) in [
        ("container engine", "ServerVersion", json!("19.03.8"), json!("20.10.24"), Grade::Bad, "19.03.8", "docker.io"),
        (
            "container runtime",
            "RuncCommit",
            json!({ "ID": "v1.2.7-0-g1234567" }),
            json!({ "ID": "v1.2.8-0-g1234567" }),
            Grade::Less,
            "CVE-2025-31133",
            "apt-get install --only-upgrade runc",
        ),
        (
            "container runtime",
            "RuncCommit",
            json!({ "ID": "" }),
            json!({ "ID": "v1.3.3" }),
            Grade::Less,
            "not told",
            "runc",
        ),
        ("limits", "MemoryLimit", json!(false), json!(true), Grade::Bad, "memory cannot be limited", "cgroup_enable"),
        ("limits", "SwapLimit", json!(false), json!(true), Grade::Bad, "swap cannot be limited", "swapaccount=1"),
        ("limits", "PidsLimit", json!(false), json!(true), Grade::Bad, "processes cannot be limited", "update-grub"),
        ("limits", "CpuCfsQuota", json!(false), json!(true), Grade::Bad, "CPU cannot be limited", "reboot"),
        (
            "users of containers",
            "SecurityOptions",
            json!(["name=seccomp,profile=builtin"]),
            json!(["name=seccomp,profile=builtin", "name=userns"]),
            Grade::Less,
            "the rig's",
            "userns-remap",
        ),
        (
            "system calls",
            "SecurityOptions",
            json!(["name=seccomp,profile=unconfined"]),
            json!(["name=seccomp,profile=builtin"]),
            Grade::Bad,
            "not filtered",
            "seccomp-profile",
        ),
    ] {
        engine.say(name, broken);
        let finding = look(subject).await;
        assert_eq!(finding.grade, grade, "{finding:?}");
        assert!(finding.found.contains(found) && finding.fix.as_ref().unwrap().contains(fix), "{finding:?}");
        engine.say(name, mended);
        let finding = look(subject).await;
        assert_eq!(finding.grade, Grade::Good, "{finding:?}");
    }
    // The first cgroups limit as well as the second, where nothing is missing.
    engine.say("CgroupVersion", json!("1"));
    let finding = look("limits").await;
    assert_eq!((finding.grade, finding.found.as_str()), (Grade::Good, "memory, swap, processes and CPU (cgroup v1)"));
}

#[tokio::test]
async fn device_nodes_are_told_of_only_where_systemd_keeps_the_rules_of_containers_with_gpus() {
    let (engine, stub, none) = (ToldEngine::start(), NvmlStub::build(&[]), NvmlStub::build(&["GPUS=0"]));
    let looks = async |driver: &str, stub: &NvmlStub| {
        engine.say("CgroupDriver", json!(driver));
        let findings = examined(|examination| {
            examination.docker_host = Some(engine.host());
            examination.nvml_library = stub.library();
        });
        findings.await.iter().filter(|finding| finding.subject == "device nodes").count()
    };
    assert_eq!(looks("systemd", &stub).await, 1);
    assert_eq!(looks("cgroupfs", &stub).await, 0);
    assert_eq!(looks("systemd", &none).await, 0, "a rig without GPUs has none to lose");
}

/// The orchestrator is a stand-in whose clock the test sets.
#[tokio::test]
async fn a_clock_that_differs_from_the_orchestrators_is_told_until_it_does_not() {
    let (url, ahead) = Dated::start(0).await;
    let look = async || {
        let findings = examined(|examination| {
            examination.docker_host = Some("unix:///nowhere/docker.sock".into());
            examination.orchestrator_url = Some(url.clone());
        });
        of(&findings.await, "clock").clone()
    };
    let right = look().await;
    assert!(!right.found.contains("orchestrator"), "{right:?}");
    for (by, side) in [(-3_600, "ahead of"), (3_600, "behind")] {
        ahead.store(by, Relaxed);
        let finding = look().await;
        assert!(finding.found.contains(side) && finding.grade != Grade::Good, "{finding:?}");
        assert!(finding.fix.is_some());
        ahead.store(0, Relaxed);
        assert_eq!(look().await, right);
    }
}
