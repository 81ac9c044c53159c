//! Programs that want to be more than they are. The attempts are `tools/images/ascend.c`.

use std::os::unix::fs::MetadataExt;

use super::*;

const ATTEMPTS: &str = include_str!("../../../tools/images/ascend.c");

#[tokio::test]
async fn nothing_that_is_tried_gains_a_right() {
    let Some(mut rig) = rig(spec("ascend > /outputs/report")).await else { return };
    let report = report_of(&mut rig).await;
    let gained: Vec<&str> = report.lines().filter(|line| !line.contains(": denied ")).collect();
    assert!(gained.is_empty(), "{gained:?}");
    assert_eq!(report.lines().count(), ATTEMPTS.matches("\n  TRY(").count(), "each attempt has ended: {report}");
    rig.stop().await;
}

#[tokio::test]
async fn a_shell_that_an_image_wants_to_run_as_root_has_nothing() {
    let attack = "
        { id -u; id -G; grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | sort -u -k 2 | wc -l
          grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/self/status | tr -d '\\t'; cat /proc/self/oom_score_adj; } > /outputs/report";
    let Some(mut rig) = rig(spec(attack)).await else { return };
    let report = report_of(&mut rig).await;
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines[2..], ["1", "CapBnd:0000000000000000", "NoNewPrivs:1", "Seccomp:2", "500"], "{report}");
    // A worker without root's rights has only its own user for it.
    let worker = std::fs::metadata(rig.data()).unwrap();
    if lines[0] != worker.uid().to_string() {
        assert!(lines[0].parse::<u32>().unwrap() >= 30_000 && lines[0] == lines[1], "{report}");
    }
    rig.stop().await;
}

#[tokio::test]
async fn no_core_dump_leaves_a_container_and_no_variable_of_its_own_asks_for_devices() {
    let attack = "
        { grep '^Max core' /proc/self/limits | tr -s ' '; (ulimit -c unlimited) 2>/dev/null && echo raised
          env | grep ^NVIDIA_; } > /outputs/report";
    let mut spec = spec(attack);
    spec.env.insert("NVIDIA_VISIBLE_DEVICES".into(), "all".into());
    let Some(mut rig) = rig(spec).await else { return };
    let report = report_of(&mut rig).await;
    let lines: Vec<&str> = report.lines().map(str::trim_end).collect();
    assert_eq!(lines, ["Max core file size 1 1 bytes", "NVIDIA_VISIBLE_DEVICES=void"], "{report}");
    rig.stop().await;
}

#[tokio::test]
async fn secrets_of_the_rig_are_not_in_sight() {
    // An address may spell anything: of the worker's own variables the names count.
    let attack = "
        { { env | grep -v ^MILLRACE_; env | cut -d= -f1; } | grep -iE 'docker|secret|key|token'; ls / | tr '\\n' ' '; echo
          grep -vE '^(overlay|proc|tmpfs|sysfs|cgroup|cgroup2|mqueue|devpts|shm|/dev/[a-z0-9/]+ /(inputs|outputs|etc/(resolv.conf|hostname|hosts)) )' /proc/mounts
          ps -o args | grep -c .; } > /outputs/report";
    let Some(mut rig) = rig(spec(attack)).await else { return };
    let report = report_of(&mut rig).await;
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines[0], "bin dev etc evil home inputs outputs proc root sys tmp var volume ", "{report}");
    assert_eq!(lines.len(), 2, "no mount and no variable is the rig's: {report}");
    assert!(lines[1].parse::<u32>().unwrap() <= 5, "only its own processes: {report}");
    rig.stop().await;
}
