//! A worker's own account of itself, as text.

mod links;
mod usage;

use millrace_protocol::{Seconds, UnixSeconds};
use millrace_worker::status::{GpuStatus, LeaseStatus, Status, TaskStatus, Trouble, Unfit, VoteStatus};

use super::duration::{duration, in_time};
use super::money::usdc;
use super::{counted, short};
use crate::output::table::{Column, render};
use crate::output::{Style, rows};

pub use links::links;
pub use usage::usage;

const DRAINS: &str = "the rig drains, `millrace worker drain --undo` ends that";

/// Names and values of everything that is there once. `withheld` is why the market gives it no lease, whatever the rig
/// would take.
pub fn head(status: &Status, on_chain: &str, withheld: Option<&str>, style: Style) -> String {
    let link = match status.link.connected {
        true => format!("{}, connected for {}", status.link.orchestrator, since(status.link.since, status.at)),
        false => style.error(&format!(
            "{}, not connected for {}",
            status.link.orchestrator,
            since(status.link.since, status.at)
        )),
    };
    let further = match (status.unfit.as_slice(), status.draining) {
        ([], false) => match withheld {
            None => "taken".to_owned(),
            Some(withheld) => style.warn(&format!("not taken: {withheld}")),
        },
        ([], true) => {
            let withheld = withheld.map_or_else(String::new, |withheld| format!("; and {withheld}"));
            style.warn(&format!("not taken: {DRAINS}{withheld}"))
        }
        (unfit, _) => {
            let causes: Vec<&str> = unfit.iter().map(|unfit| unfit.cause.as_str()).collect();
            let drains = if status.told_to_drain { format!("; and {DRAINS}") } else { String::new() };
            let withheld = withheld.map_or_else(String::new, |withheld| format!("; and {withheld}"));
            style.warn(&format!("not taken until this is mended: {}{drains}{withheld}", causes.join("; ")))
        }
    };
    let (disk, totals) = (&status.storage, &status.totals);
    rows([
        ("node", format!("{}  ({on_chain})", status.node)),
        ("node key", status.node_key.to_string()),
        ("worker", format!("{}, up for {}", status.version, since(status.started_at, status.at))),
        ("orchestrator", link),
        ("new leases", further),
        (
            "disk",
            format!(
                "{} free in {}, of which {} stay free",
                bytes(disk.free_bytes),
                disk.data_dir.display(),
                bytes(disk.reserve_bytes)
            ),
        ),
        (
            "inputs kept",
            format!("{} of at most {}", bytes(disk.input_cache_bytes), bytes(disk.input_cache_limit_bytes)),
        ),
        (
            "images kept",
            format!(
                "{}, {} of at most {}",
                counted(count(disk.images_kept), "image"),
                bytes(disk.image_cache_bytes),
                bytes(disk.image_cache_limit_bytes)
            ),
        ),
        (
            "since start",
            format!(
                "{} closed, {} earned; {} done, {} failed; {} refused",
                counted(count(totals.leases_closed), "lease"),
                totals.earned,
                counted(count(totals.tasks_done), "task"),
                totals.tasks_failed,
                counted(count(totals.offers_refused), "offer"),
            ),
        ),
    ])
}

/// Every GPU and who uses it.
pub fn gpus(gpus: &[GpuStatus]) -> String {
    let line = |(position, gpu): (usize, &GpuStatus)| {
        let mut model = gpu.model.clone();
        if let Some(slice) = &gpu.slice {
            model.push_str(&format!(" {slice}"));
        }
        if gpu.simulated {
            model.push_str(" (simulated)");
        }
        let state = match (&gpu.fault, gpu.lease) {
            (Some(fault), _) => fault.clone(),
            (None, Some(lease)) => format!("lease {}", short(lease)),
            (None, None) => "free".to_owned(),
        };
        let memory = match gpu.memory_used_mib {
            Some(used) => format!("{used} of {} MiB", gpu.vram_mib),
            None => format!("{} MiB", gpu.vram_mib),
        };
        let busy = gpu.busy_percent.map_or_else(String::new, |percent| format!("{percent} %"));
        let power = gpu.milliwatts.map_or_else(String::new, |power| format!("{} W", power / 1_000));
        let heat = gpu.celsius.map_or_else(String::new, |heat| format!("{heat} C"));
        vec![position.to_string(), model, memory, busy, power, heat, state]
    };
    let columns = [
        Column::Number("gpu"),
        Column::Text("model"),
        Column::Number("memory"),
        Column::Number("busy"),
        Column::Number("power"),
        Column::Number("heat"),
        Column::Text("used by"),
    ];
    render(&columns, &gpus.iter().enumerate().map(line).collect::<Vec<_>>())
}

/// Every lease and its money.
pub fn leases(leases: &[LeaseStatus]) -> String {
    let line = |lease: &LeaseStatus| {
        vec![
            lease.lease.to_string(),
            short(lease.job),
            lease.phase.clone(),
            positions(&lease.gpus),
            duration(lease.attested),
            usdc(lease.earned),
            usdc(lease.redeemed),
            usdc(lease.unredeemed),
        ]
    };
    let columns = [
        Column::Text("lease"),
        Column::Text("job"),
        Column::Text("phase"),
        Column::Text("gpus"),
        Column::Number("attested"),
        Column::Number("earned, USDC"),
        Column::Number("paid"),
        Column::Number("not yet paid"),
    ];
    render(&columns, &leases.iter().map(line).collect::<Vec<_>>())
}

/// Every result that is counted with others' and not shown yet.
pub fn votes(votes: &[VoteStatus], at: UnixSeconds) -> String {
    let line = |vote: &VoteStatus| {
        let next = match vote.committed {
            Some(true) => "to be shown",
            Some(false) => "to be committed to",
            None => "not looked up yet",
        };
        let until = match vote.until {
            Some(until) if vote.is_due(at) => format!("{} at the latest", in_time(until, at)),
            Some(_) => "too late".to_owned(),
            None => String::new(),
        };
        vec![vote.lease.to_string(), vote.job.map(short).unwrap_or_default(), next.to_owned(), until]
    };
    let columns = [Column::Text("result of"), Column::Text("job"), Column::Text("next"), Column::Text("due")];
    render(&columns, &votes.iter().map(line).collect::<Vec<_>>())
}

/// Every task that has not ended, and what it does.
pub fn tasks(tasks: &[TaskStatus], at: UnixSeconds) -> String {
    let line = |task: &TaskStatus| {
        let running = task.running_since.map_or_else(String::new, |from| since(from, at));
        let lease = short(task.lease);
        vec![lease, task.task.to_string(), task.attempt.to_string(), task.phase.clone(), running, task.image.clone()]
    };
    let columns = [
        Column::Text("lease"),
        Column::Number("task"),
        Column::Number("attempt"),
        Column::Text("phase"),
        Column::Number("for"),
        Column::Text("image"),
    ];
    let unfinished = tasks.iter().filter(|task| !has_ended(task));
    render(&columns, &unfinished.map(line).collect::<Vec<_>>())
}

pub fn has_ended(task: &TaskStatus) -> bool {
    matches!(task.phase.as_str(), "done" | "failed")
}

/// What keeps the rig from taking leases, each with what mends it.
pub fn unfit(unfit: &[Unfit], style: Style) -> String {
    let line =
        |unfit: &Unfit| format!("{} {}\n  {}", style.warn(&format!("[{}]", unfit.code)), unfit.cause, unfit.hint);
    unfit.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What went wrong, the latest last, each with what mends it.
pub fn troubles(troubles: &[Trouble], at: UnixSeconds, style: Style) -> String {
    let line = |trouble: &Trouble| {
        let times = if trouble.times > 1 { format!(", {} times", trouble.times) } else { String::new() };
        let when = format!("{} ago{times}", since(trouble.at, at));
        format!("{} {}  ({when})\n  {}", style.warn(&format!("[{}]", trouble.code)), trouble.cause, trouble.hint)
    };
    troubles.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `0, 1`, or `-` for a lease without GPUs.
pub fn positions(gpus: &[u16]) -> String {
    if gpus.is_empty() {
        return "-".to_owned();
    }
    gpus.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

pub fn since(from: UnixSeconds, at: UnixSeconds) -> String {
    duration(Seconds(at.since(from).0))
}

/// `1.5 GiB`; rounded down to a tenth.
pub fn bytes(bytes: u64) -> String {
    let units = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{}.{} {unit}", bytes / size, bytes % size * 10 / size),
        None => format!("{bytes} B"),
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
pub mod tests;
