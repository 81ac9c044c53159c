use millrace_protocol::Diagnostic;

use super::Finding;
use super::release::Release;
use crate::container::Error;
use crate::container::docker::Facts;

/// runc releases, by line of releases, that closed CVE-2025-31133, -52565 and -52881: ways out of a container
/// through what is mounted over `/proc`. 1.1.12 had closed CVE-2024-21626 before.
const RUNC: [Release; 2] = [Release(1, 2, 8), Release(1, 3, 3)];

/// The oldest engine that speaks the API version this worker was tested with (1.41).
const DOCKER: Release = Release(20, 10, 0);

pub(super) fn judge(facts: &Result<Facts, Error>) -> Vec<Finding> {
    match facts {
        Ok(facts) => {
            vec![version(facts), limits(facts), seccomp(facts), users(facts), runtime(facts), default_runtime(facts)]
        }
        Err(error) => vec![Finding::bad("container engine", error.to_string(), error.hint())],
    }
}

fn version(facts: &Facts) -> Finding {
    let found = format!("Docker {}", facts.version);
    match Release::find(&facts.version) {
        Some(release) if release < DOCKER => {
            Finding::bad("container engine", found, "`apt-get install --only-upgrade docker.io`: 20.10 or newer")
        }
        // Podman counts otherwise.
        _ => Finding::good("container engine", found),
    }
}

fn limits(facts: &Facts) -> Finding {
    let all = [
        ("memory", facts.limits_memory),
        ("swap", facts.limits_swap),
        ("processes", facts.limits_processes),
        ("CPU", facts.limits_cpu),
    ];
    let missing: Vec<&str> = all.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
    let cgroup = format!("cgroup v{}", facts.cgroup_version);
    if missing.is_empty() {
        return Finding::good("limits", format!("memory, swap, processes and CPU ({cgroup})"));
    }
    let fix = "add `cgroup_enable=memory swapaccount=1` to GRUB_CMDLINE_LINUX in /etc/default/grub, then `update-grub` \
               and `reboot`";
    Finding::bad("limits", format!("{} cannot be limited ({cgroup})", missing.join(", ")), fix)
}

fn seccomp(facts: &Facts) -> Finding {
    match facts.seccomp.as_deref() {
        Some(profile) if profile != "unconfined" => Finding::good("system calls", format!("filtered ({profile})")),
        _ => {
            let fix = "take `seccomp-profile` out of /etc/docker/daemon.json, then `systemctl restart docker`";
            Finding::bad("system calls", "not filtered: containers may use all of the kernel", fix)
        }
    }
}

fn users(facts: &Facts) -> Finding {
    const SUBJECT: &str = "users of containers";
    if facts.has_user_namespace {
        return Finding::good(SUBJECT, "their own (userns-remap), unless the worker is one by hand that is not root");
    }
    let fix = "put `\"userns-remap\": \"default\"` into /etc/docker/daemon.json, then `systemctl restart docker`: for a \
               worker that is root or installed as a service; images are pulled anew";
    Finding::less(SUBJECT, "the rig's, though none that is root", fix)
}

fn runtime(facts: &Facts) -> Finding {
    let found = format!("runc {}", facts.runc);
    let Some(release) = Release::find(&facts.runc) else {
        let fix = "compare with `runc --version`: 1.2.8, 1.3.3 or newer";
        return Finding::less("container runtime", "its version is not told", fix);
    };
    let line = RUNC.iter().rev().find(|fixed| (fixed.0, fixed.1) <= (release.0, release.1));
    match line {
        Some(fixed) if release >= *fixed => Finding::good("container runtime", found),
        _ => {
            let fix = "`apt-get install --only-upgrade runc`; or see in `apt-get changelog runc` that your distribution \
                       has closed them in its version";
            let found = format!("{found} may have ways out of containers (CVE-2025-31133, -52565, -52881)");
            Finding::less("container runtime", found, fix)
        }
    }
}

fn default_runtime(facts: &Facts) -> Finding {
    const SUBJECT: &str = "default runtime";
    let named = &facts.default_runtime;
    if facts.pins_runc {
        let jobs = if named == "runc" { "" } else { "; jobs run under `runc` all the same" };
        return Finding::good(SUBJECT, format!("`{named}`{jobs}"));
    }
    // Podman names the one it has.
    if named != "nvidia" {
        return Finding::good(SUBJECT, format!("`{named}`"));
    }
    let fix = "take `default-runtime` out of /etc/docker/daemon.json, then `systemctl restart docker`";
    Finding::bad(SUBJECT, "`nvidia`, and no `runc`: what a job writes into its variables gives it devices", fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Grade;

    fn facts() -> Facts {
        Facts {
            version: "28.5.2".into(),
            cgroup_version: "2".into(),
            rules_by_systemd: true,
            limits_memory: true,
            limits_swap: true,
            limits_processes: true,
            limits_cpu: true,
            seccomp: Some("builtin".into()),
            has_user_namespace: true,
            runc: "1.3.3".into(),
            default_runtime: "runc".into(),
            pins_runc: true,
        }
    }

    fn grade(facts: Facts) -> Grade {
        let findings = judge(&Ok(facts));
        let worst = findings.iter().max_by_key(|finding| finding.grade).unwrap();
        assert_eq!(worst.grade == Grade::Good, worst.fix.is_none(), "{worst:?}");
        worst.grade
    }

    #[test]
    fn an_engine_with_everything_is_good() {
        assert_eq!(grade(facts()), Grade::Good);
    }

    #[test]
    fn each_thing_that_an_engine_lacks_is_bad() {
        let unlimited = Facts { limits_swap: false, limits_cpu: false, ..facts() };
        assert_eq!(judge(&Ok(unlimited.clone()))[1].found, "swap, CPU cannot be limited (cgroup v2)");
        let lacking = [
            unlimited,
            Facts { version: "19.03.8".into(), ..facts() },
            Facts { seccomp: None, ..facts() },
            Facts { seccomp: Some("unconfined".into()), ..facts() },
        ];
        for facts in lacking {
            assert_eq!(grade(facts.clone()), Grade::Bad, "{facts:?}");
        }
    }

    #[test]
    fn containers_with_the_rigs_users_are_less() {
        assert_eq!(grade(Facts { has_user_namespace: false, ..facts() }), Grade::Less);
    }

    #[test]
    fn a_runtime_with_known_ways_out_is_named() {
        for (runc, expected) in [
            ("1.1.5+ds1-1+deb12u1", Grade::Less),
            ("1.2.7", Grade::Less),
            ("1.2.8", Grade::Good),
            ("v1.2.9-0-gabcdef", Grade::Good),
            ("1.3.2", Grade::Less),
            ("1.3.3", Grade::Good),
            ("1.4.0", Grade::Good),
            ("", Grade::Less),
        ] {
            assert_eq!(grade(Facts { runc: runc.into(), ..facts() }), expected, "{runc}");
        }
    }

    #[test]
    fn a_default_runtime_that_hands_out_gpus_matters_where_no_other_can_be_taken() {
        let found = |default_runtime: &str, pins_runc| {
            let facts = Facts { default_runtime: default_runtime.into(), pins_runc, ..facts() };
            let finding = judge(&Ok(facts)).pop().unwrap();
            (finding.grade, finding.found)
        };
        assert_eq!(found("runc", true), (Grade::Good, "`runc`".to_owned()));
        let pinned = "`nvidia`; jobs run under `runc` all the same".to_owned();
        assert_eq!(found("nvidia", true), (Grade::Good, pinned));
        assert_eq!(found("crun", false).0, Grade::Good);
        assert_eq!(found("nvidia", false).0, Grade::Bad);
    }

    #[test]
    fn an_engine_that_does_not_answer_is_bad_with_what_starts_it() {
        let error = Error::Unreachable { endpoint: "unix:///nowhere".into(), reason: "no such file".into() };
        let findings = judge(&Err(error));
        assert_eq!((findings.len(), findings[0].grade), (1, Grade::Bad));
        assert!(findings[0].fix.as_ref().unwrap().contains("systemctl start docker"));
    }
}
