//! A registry of one moment. Names and units follow prometheus.io/docs/practices/naming.

use std::sync::atomic::AtomicU64;

use millrace_client::Sight;
use millrace_metrics::{Integer, gauge, whole};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::snapshot::{NodeState, Shell, Snapshot};
use super::tally::JobPhase;
use crate::disk;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

/// By its place among the endpoints: a URL may hold a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Endpoint {
    endpoint: u32,
}

pub(super) fn registry(core: &Snapshot, shell: &Shell) -> Registry {
    let mut registry = Registry::with_prefix("millrace_orchestrator");
    registry.register("build", "The orchestrator", Info::new(Build { version: env!("CARGO_PKG_VERSION") }));
    market(&mut registry, core);
    work(&mut registry, core);
    transactions(&mut registry, core, shell);
    chain(&mut registry, core, shell);
    pace(&mut registry, core, shell);
    registry
}

fn market(registry: &mut Registry, core: &Snapshot) {
    registry.register("workers_connected", "Workers whose links are up", gauge(core.connected));
    let connections = core.counters.connections.clone();
    registry.register("connections", "Connections of workers since the start", connections);
    let nodes = states(NodeState::ALL.map(NodeState::name).into_iter().zip(core.nodes));
    registry.register("nodes", "Nodes on the market, by what they can be given", nodes);
    let (all, leased) = core.units;
    let units = states([("leased", leased), ("free", all.saturating_sub(leased))]);
    registry.register("gpu_units", "GPUs, or slices of them, of nodes that are there", units);
    let challenges = core.counters.challenges.clone();
    let checks = core.counters.checks.clone();
    registry.register("spot_checks", "Tasks that were to be compared, by outcome, since the start", checks);
    registry.register("challenges", "GPU challenges that ended, by outcome, since the start", challenges);
}

fn work(registry: &mut Registry, core: &Snapshot) {
    let jobs = states(JobPhase::ALL.map(JobPhase::name).into_iter().zip(core.jobs));
    registry.register("jobs", "Jobs whose accounts exist, by what they wait for", jobs);
    let tasks = &core.tasks;
    let tasks = [("pending", tasks.pending), ("active", tasks.active), ("done", tasks.done), ("failed", tasks.failed)];
    registry.register("tasks", "Tasks of these jobs", states(tasks));
    registry.register("queued_jobs", "Jobs that wait for a node", gauge(core.queued));
    let help = "How long the oldest job waits that never had a lease and comes after no other";
    registry.register_with_unit("oldest_wait", help, Unit::Seconds, gauge(core.oldest_wait));
    registry.register("leases", "Leases whose accounts exist", gauge(core.leases));
    registry.register("offers", "Leases offered to nodes, by outcome, since the start", core.counters.offers.clone());
}

fn transactions(registry: &mut Registry, core: &Snapshot, shell: &Shell) {
    let counters = &core.counters;
    registry.register("vouchers_issued", "Vouchers that were signed since the start", counters.vouchers.clone());
    let help = "Transactions that landed since the start, by what they are for";
    registry.register("transactions_landed", help, counters.landed.clone());
    let help = "Transactions that failed since the start, by what they were for and why";
    registry.register("transactions_failed", help, counters.failed.clone());
    // What is not known has no value; a zero would be one.
    if let Some(lamports) = shell.lamports {
        let unit = Unit::Other("lamports".to_owned());
        registry.register_with_unit("wallet", "What the scheduler's key has to pay with", unit, gauge(lamports));
    }
}

fn chain(registry: &mut Registry, core: &Snapshot, shell: &Shell) {
    let is = |sight| u64::from(core.sight == Some(sight));
    let sight = [("live", is(Sight::Live)), ("delayed", is(Sight::Delayed)), ("blind", is(Sight::Blind))];
    registry.register("chain_sight", "How much of the chain is seen", states(sight));
    registry.register("chain_slot", "The newest slot that was seen", gauge(shell.seen.slot));
    let age = Gauge::<f64, AtomicU64>::default();
    age.set(shell.seen.age.as_secs_f64());
    registry.register_with_unit("chain_slot_age", "Since that slot was seen", Unit::Seconds, age);
    let (late, behind) = (Family::<Endpoint, Integer>::default(), Family::<Endpoint, Integer>::default());
    for (endpoint, seen) in (0u32..).zip(&shell.seen.endpoints) {
        late.get_or_create(&Endpoint { endpoint }).set(i64::from(seen.is_late));
        if let Some(slots) = seen.behind {
            behind.get_or_create(&Endpoint { endpoint }).set(whole(slots));
        }
    }
    registry.register("rpc_late", "Whether the RPC endpoint failed, or came too late, when asked last", late);
    registry.register("rpc_slots_behind", "How far the RPC endpoint is behind the newest slot", behind);
}

fn pace(registry: &mut Registry, core: &Snapshot, shell: &Shell) {
    let decisions = core.counters.decisions.clone();
    let help = "How long the scheduler takes to decide what follows from an event";
    registry.register_with_unit("decision", help, Unit::Seconds, decisions);
    let help = "How long the journal takes until records are on the disk";
    registry.register_with_unit("journal_write", help, Unit::Seconds, core.counters.writes.clone());
    registry.register("inputs_waiting", "Events and questions that wait for the scheduler", gauge(shell.waiting));
    let received = ConstCounter::new(shell.received_bytes);
    let help = "Bytes of objects that were received since the start";
    registry.register_with_unit("objects_received", help, Unit::Bytes, received);
    let (objects, bytes) = shell.deleted;
    let help = "Objects that nobody needed any more and that were deleted since the start";
    registry.register("objects_deleted", help, ConstCounter::new(objects));
    let help = "Bytes of objects that were deleted since the start";
    registry.register_with_unit("objects_deleted", help, Unit::Bytes, ConstCounter::new(bytes));
    registry.register_with_unit("journal", "The journal's files", Unit::Bytes, gauge(shell.journal_bytes));
    if let Some(free) = shell.free_bytes {
        let help = "Free on the file system of the data folder";
        registry.register_with_unit("disk_free", help, Unit::Bytes, gauge(free));
    }
    registry.register_with_unit("disk_reserve", "What uploads leave of it", Unit::Bytes, gauge(disk::RESERVE));
}

fn states(values: impl IntoIterator<Item = (&'static str, u64)>) -> Family<State, Integer> {
    let family = Family::<State, Integer>::default();
    for (state, value) in values {
        family.get_or_create(&State { state }).set(whole(value));
    }
    family
}
