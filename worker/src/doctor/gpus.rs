use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::Finding;
use super::release::Release;
use crate::gpu::Inventory;
use crate::gpu::nodes::{AtRisk, LINKS};

/// The release of NVIDIA's container toolkit that closed CVE-2025-23266, a way out of any container with a
/// GPU; CVE-2025-23359 and CVE-2024-0132 were closed before (NVIDIA's security bulletins).
const TOOLKIT: Release = Release(1, 17, 8);
const INSTALL: &str = "install NVIDIA's package `nvidia-container-toolkit`, then `nvidia-ctk runtime configure \
                       --runtime=docker` and `systemctl restart docker`";

/// What the toolkit says of itself; `None` where it is not installed.
pub(super) async fn toolkit(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().await.ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `plugged_in` is [`bus::plugged_in`].
///
/// [`bus::plugged_in`]: crate::gpu::bus::plugged_in
pub(super) fn judge(inventory: &Inventory, plugged_in: Option<usize>, toolkit: Option<&str>) -> Vec<Finding> {
    if inventory.gpus.is_empty() && inventory.unusable.is_empty() {
        return vec![judge_absence(inventory, plugged_in)];
    }
    let software = inventory.software.as_ref();
    let driver = software.map_or_else(String::new, |software| format!(" (driver {})", software.driver));
    let mut findings = vec![Finding::good("GPUs", format!("{}{driver}", inventory.summary()))];
    let mend = "look into `dmesg` and `nvidia-smi`; reset the GPU or restart the rig";
    findings.extend(inventory.unusable.iter().map(|line| Finding::bad("GPUs", line, mend)));
    findings.push(judge_toolkit(toolkit));
    findings
}

/// Nothing is wrong with a machine that has none. The module for NVIDIA's GPUs that Linux brings along holds them until
/// the next start.
fn judge_absence(inventory: &Inventory, plugged_in: Option<usize>) -> Finding {
    const SUBJECT: &str = "GPUs";
    let though = match plugged_in {
        Some(0) => return Finding::good(SUBJECT, "none of NVIDIA's is plugged in: the rig sells its CPUs"),
        Some(count) => format!(", and {count} plugged in"),
        None => String::new(),
    };
    let fix = "`apt-get install nvidia-driver` (on Debian with `contrib non-free non-free-firmware` among apt's \
               components, on Ubuntu `ubuntu-drivers install`), then restart the rig and see that `nvidia-smi` lists \
               the GPUs";
    Finding::less(SUBJECT, format!("{}{though}: the rig sells its CPUs", inventory.summary()), fix)
}

pub(super) fn judge_toolkit(told: Option<&str>) -> Finding {
    const SUBJECT: &str = "container toolkit";
    let Some(told) = told else {
        return Finding::bad(SUBJECT, "not installed: containers get no GPU", INSTALL);
    };
    match Release::find(told) {
        Some(release @ Release(major, minor, patch)) if release >= TOOLKIT => {
            Finding::good(SUBJECT, format!("{major}.{minor}.{patch}"))
        }
        Some(Release(major, minor, patch)) => {
            let found = format!("{major}.{minor}.{patch} has known ways out of containers (CVE-2025-23266 and older)");
            Finding::bad(SUBJECT, found, "`apt-get install --only-upgrade nvidia-container-toolkit`: 1.17.8 or newer")
        }
        None => Finding::bad(SUBJECT, "its version is not told", INSTALL),
    }
}

/// Whether containers keep their GPUs where systemd keeps their device rules. What a MIG slice needs beside its GPU's
/// own is not named to the engine.
pub(super) fn judge_nodes(inventory: &Inventory, at_risk: &AtRisk) -> Finding {
    const SUBJECT: &str = "device nodes";
    const WITHOUT_SYSTEMD: &str = "put `\"exec-opts\": [\"native.cgroupdriver=cgroupfs\"]` into \
                                   /etc/docker/daemon.json, then `systemctl restart docker`";
    if inventory.gpus.iter().any(|gpu| gpu.slice.is_some()) {
        return Finding::less(
            SUBJECT,
            "`systemctl daemon-reload` may take MIG slices from containers",
            WITHOUT_SYSTEMD,
        );
    }
    if inventory.gpus.iter().any(|gpu| gpu.minor.is_none()) {
        let found = "`systemctl daemon-reload` may take GPUs from containers: a driver does not number its GPUs";
        return Finding::less(SUBJECT, found, WITHOUT_SYSTEMD);
    }
    let names = |nodes: &[PathBuf]| nodes.iter().map(|node| node.display().to_string()).collect::<Vec<_>>().join(", ");
    if !at_risk.missing.is_empty() {
        let found = format!(
            "`systemctl daemon-reload` may take GPUs from the next containers: {} not there yet",
            names(&at_risk.missing)
        );
        let fix = "`nvidia-modprobe -u -c 0`, which the service of `millrace worker install` runs at each start";
        return Finding::less(SUBJECT, found, fix);
    }
    if at_risk.unlinked.is_empty() {
        let found = "of GPUs: named to the engine, so that `systemctl daemon-reload` leaves them to containers";
        return Finding::good(SUBJECT, found);
    }
    let found = format!(
        "`systemctl daemon-reload` may take GPUs from containers: no link below {LINKS} to {}",
        names(&at_risk.unlinked)
    );
    let fix = "`nvidia-ctk system create-dev-char-symlinks --create-all`, and again after each start of the rig";
    Finding::less(SUBJECT, found, fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Grade;
    use crate::gpu::{Gpu, Slice};

    fn with_gpu() -> Inventory {
        let gpu =
            Gpu { uuid: "GPU-1".into(), model: "h200".into(), vram_mib: 143_771, minor: Some(0), ..Gpu::default() };
        Inventory { gpus: vec![gpu], ..Inventory::default() }
    }

    #[test]
    fn a_rig_without_gpus_sells_its_cpus_and_needs_no_toolkit() {
        let inventory = Inventory { absence: Some("no NVIDIA GPUs: none".into()), ..Inventory::default() };
        assert!(matches!(&judge(&inventory, Some(0), None)[..], [only] if only.grade == Grade::Good));
    }

    #[test]
    fn gpus_that_no_driver_tells_of_are_named_with_what_gives_them_one() {
        let inventory = Inventory { absence: Some("no NVIDIA GPUs: none".into()), ..Inventory::default() };
        for (plugged_in, expected) in [
            (Some(8), "no NVIDIA GPUs: none, and 8 plugged in: the rig sells its CPUs"),
            (None, "no NVIDIA GPUs: none: the rig sells its CPUs"),
        ] {
            let findings = judge(&inventory, plugged_in, None);
            assert_eq!((findings[0].grade, findings[0].found.as_str()), (Grade::Less, expected));
            assert!(findings[0].fix.as_ref().unwrap().contains("nvidia-driver"));
        }
    }

    #[test]
    fn toolkits_with_known_ways_out_are_bad() {
        for (told, expected) in [
            (Some("NVIDIA Container Toolkit CLI version 1.17.8\ncommit: x"), Grade::Good),
            (Some("NVIDIA Container Toolkit CLI version 1.18.0"), Grade::Good),
            (Some("NVIDIA Container Toolkit CLI version 1.17.7"), Grade::Bad),
            (Some("NVIDIA Container Toolkit CLI version 1.9.0"), Grade::Bad),
            (Some("?"), Grade::Bad),
            (None, Grade::Bad),
        ] {
            let findings = judge(&with_gpu(), Some(1), told);
            assert_eq!((findings[0].grade, findings[1].grade), (Grade::Good, expected), "{told:?}");
        }
    }

    #[test]
    fn each_gpu_that_cannot_be_used_is_named() {
        let inventory = Inventory { unusable: vec!["GPU 3: lost".into()], ..with_gpu() };
        let findings = judge(&inventory, Some(4), Some("1.18.0"));
        assert_eq!((findings[1].grade, findings[1].found.as_str()), (Grade::Bad, "GPU 3: lost"));
    }

    #[test]
    fn nodes_that_systemd_cannot_find_are_named_with_what_links_them() {
        assert_eq!(judge_nodes(&with_gpu(), &AtRisk::default()).grade, Grade::Good);
        let unlinked = vec!["/dev/nvidiactl".into(), "/dev/nvidia0".into()];
        let finding = judge_nodes(&with_gpu(), &AtRisk { unlinked, ..AtRisk::default() });
        assert_eq!(finding.grade, Grade::Less);
        assert!(finding.found.ends_with("no link below /dev/char to /dev/nvidiactl, /dev/nvidia0"), "{finding:?}");
        assert!(finding.fix.unwrap().contains("create-dev-char-symlinks"));
    }

    #[test]
    fn nodes_that_no_program_has_needed_yet_are_named_with_what_makes_them() {
        let at_risk = AtRisk { missing: vec!["/dev/nvidia-uvm".into()], unlinked: vec!["/dev/nvidia0".into()] };
        let finding = judge_nodes(&with_gpu(), &at_risk);
        assert_eq!(finding.grade, Grade::Less);
        assert!(finding.found.ends_with("containers: /dev/nvidia-uvm not there yet"), "{finding:?}");
        assert!(finding.fix.unwrap().contains("nvidia-modprobe -u"));
    }

    #[test]
    fn a_gpu_whose_node_is_not_known_is_not_said_to_be_safe() {
        let mut unnumbered = with_gpu();
        unnumbered.gpus[0].minor = None;
        let finding = judge_nodes(&unnumbered, &AtRisk::default());
        assert_eq!(finding.grade, Grade::Less);
        assert!(finding.fix.unwrap().contains("cgroupfs"));
    }

    #[test]
    fn links_do_not_help_a_rig_of_slices() {
        let mut sliced = with_gpu();
        sliced.gpus[0].slice = Some(Slice { of: "GPU-1".into(), profile: "1g.18gb".into() });
        for unlinked in [vec![], vec!["/dev/nvidia0".into()]] {
            let finding = judge_nodes(&sliced, &AtRisk { unlinked, ..AtRisk::default() });
            assert_eq!(finding.grade, Grade::Less);
            assert!(finding.found.contains("MIG") && finding.fix.unwrap().contains("cgroupfs"));
        }
    }
}
