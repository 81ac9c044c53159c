//! A registry of one moment: everything in it comes from one [`Status`], so no two metrics of a scrape contradict
//! each other. Names and units follow prometheus.io/docs/practices/naming.

use std::sync::atomic::AtomicU64;

use millrace_metrics::{Integer, gauge, micro_usdc, whole};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::status::{GpuStatus, LeaseStatus, Status};

type Fraction = Gauge<f64, AtomicU64>;
type Sum = Counter<f64, AtomicU64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: String,
    node: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Phase {
    phase: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Gpu {
    gpu: u32,
    uuid: String,
    model: String,
    simulated: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lease {
    lease: String,
    job: String,
}

impl Lease {
    fn of(lease: &LeaseStatus) -> Self {
        Self { lease: lease.lease.to_string(), job: lease.job.to_string() }
    }
}

pub fn registry(status: &Status) -> Registry {
    let mut registry = Registry::with_prefix("millrace_worker");
    let build = Build { version: status.version.clone(), node: status.node.to_string() };
    registry.register("build", "The worker and its node", Info::new(build));
    connection(&mut registry, status);
    work(&mut registry, status);
    money(&mut registry, status);
    gpus(&mut registry, &status.gpus);
    usage(&mut registry, &status.leases);
    storage(&mut registry, status);
    registry
}

fn connection(registry: &mut Registry, status: &Status) {
    let started = gauge(status.started_at.0);
    registry.register_with_unit("start_time", "When the worker started, Unix time", Unit::Seconds, started);
    let connected = gauge(u64::from(status.link.connected));
    registry.register("connected", "Whether the orchestrator is connected", connected);
    let connections = ConstCounter::new(status.totals.connections);
    registry.register("connections", "Connections to the orchestrator since the start", connections);
    registry.register("draining", "Whether the rig takes no further lease", gauge(u64::from(status.draining)));
    let unfit = Family::<Code, Integer>::default();
    for cause in &status.unfit {
        unfit.get_or_create(&Code { code: cause.code.clone() }).inc();
    }
    registry.register("unfit", "What must be mended before the rig takes any lease, by code", unfit);
    let troubles = status.troubles.iter().fold(0u64, |sum, trouble| sum.saturating_add(trouble.times.into()));
    registry.register("recent_troubles", "Things that went wrong, as far as the worker remembers", gauge(troubles));
}

fn work(registry: &mut Registry, status: &Status) {
    let leases = Family::<Phase, Integer>::default();
    for lease in &status.leases {
        leases.get_or_create(&Phase { phase: lease.phase.clone() }).inc();
    }
    registry.register("leases", "Leases that the rig has agreed to, by phase", leases);
    let tasks = Family::<Phase, Integer>::default();
    for task in status.tasks.iter().filter(|task| !matches!(task.phase.as_str(), "done" | "failed")) {
        tasks.get_or_create(&Phase { phase: task.phase.clone() }).inc();
    }
    registry.register("tasks", "Tasks that have not ended, by phase", tasks);
    let totals = &status.totals;
    for (name, help, value) in [
        ("offers_accepted", "Offers signed since the start", totals.offers_accepted),
        ("offers_refused", "Offers refused since the start", totals.offers_refused),
        ("tasks_done", "Tasks that ended well since the start", totals.tasks_done),
        ("tasks_failed", "Tasks that failed since the start, whoever is to blame", totals.tasks_failed),
        ("leases_closed", "Leases that were over since the start", totals.leases_closed),
    ] {
        registry.register(name, help, ConstCounter::new(value));
    }
}

fn money(registry: &mut Registry, status: &Status) {
    let earned = ConstCounter::new(status.totals.earned.0);
    let help = "Earned by leases that were over since the start, fee included";
    registry.register_with_unit("earned", help, micro_usdc(), earned);
    let attested = Family::<Lease, Integer>::default();
    let unredeemed = Family::<Lease, Integer>::default();
    for lease in &status.leases {
        let labels = Lease::of(lease);
        attested.get_or_create(&labels).set(whole(lease.attested.0));
        unredeemed.get_or_create(&labels).set(whole(lease.unredeemed.0));
    }
    registry.register_with_unit("lease_attested", "Attested time of a lease", Unit::Seconds, attested);
    let help = "Earned by a lease and not yet paid, fee included";
    registry.register_with_unit("lease_unredeemed", help, micro_usdc(), unredeemed);
}

fn gpus(registry: &mut Registry, gpus: &[GpuStatus]) {
    let (leased, faulty) = (Family::<Gpu, Integer>::default(), Family::<Gpu, Integer>::default());
    let (total, used) = (Family::<Gpu, Integer>::default(), Family::<Gpu, Integer>::default());
    let (busy, power) = (Family::<Gpu, Fraction>::default(), Family::<Gpu, Fraction>::default());
    let heat = Family::<Gpu, Integer>::default();
    for (position, gpu) in (0u32..).zip(gpus) {
        let labels = Gpu {
            gpu: position,
            uuid: gpu.uuid.clone(),
            model: gpu.model.clone(),
            simulated: if gpu.simulated { "yes" } else { "no" },
        };
        leased.get_or_create(&labels).set(i64::from(gpu.lease.is_some()));
        faulty.get_or_create(&labels).set(i64::from(gpu.fault.is_some()));
        total.get_or_create(&labels).set(i64::from(gpu.vram_mib) * 1_048_576);
        // What the driver does not tell has no value; a zero would be one.
        if let Some(mib) = gpu.memory_used_mib {
            used.get_or_create(&labels).set(whole(mib.saturating_mul(1_048_576)));
        }
        if let Some(percent) = gpu.busy_percent {
            busy.get_or_create(&labels).set(f64::from(percent) / 100.0);
        }
        if let Some(milliwatts) = gpu.milliwatts {
            power.get_or_create(&labels).set(f64::from(milliwatts) / 1_000.0);
        }
        if let Some(celsius) = gpu.celsius {
            heat.get_or_create(&labels).set(i64::from(celsius));
        }
    }
    registry.register("gpu_leased", "Whether a lease has the GPU", leased);
    registry.register("gpu_faulty", "Whether the GPU is out of order", faulty);
    registry.register_with_unit("gpu_memory", "Memory of the GPU", Unit::Bytes, total);
    registry.register_with_unit("gpu_memory_used", "Memory of the GPU in use", Unit::Bytes, used);
    registry.register_with_unit(
        "gpu_busy",
        "Share of time in which a program ran on the GPU",
        Unit::Other("ratio".to_owned()),
        busy,
    );
    registry.register_with_unit("gpu_power", "Power that the GPU draws", Unit::Other("watts".to_owned()), power);
    registry.register_with_unit("gpu_temperature", "Temperature of the GPU", Unit::Celsius, heat);
}

/// By lease, of those that the rig still has: a closed one's are gone from the next scrape.
fn usage(registry: &mut Registry, leases: &[LeaseStatus]) {
    let (measured, energy) = (Family::<Lease, Sum>::default(), Family::<Lease, Sum>::default());
    let busy = Family::<Lease, Fraction>::default();
    for (lease, usage) in leases.iter().filter_map(|lease| Some((lease, lease.gpu_usage.as_ref()?))) {
        let labels = Lease::of(lease);
        measured.get_or_create(&labels).inc_by(thousandths(usage.measured_gpu_milliseconds));
        if let Some(percent) = usage.busy_percent {
            busy.get_or_create(&labels).set(f64::from(percent) / 100.0);
        }
        if let Some(millijoules) = usage.energy_millijoules {
            energy.get_or_create(&labels).inc_by(thousandths(millijoules));
        }
    }
    let help = "GPU time of a lease that readings tell of, summed over its GPUs";
    registry.register_with_unit("lease_gpu_measured", help, Unit::Seconds, measured);
    let help = "Share of a lease's measured GPU time in which a program ran";
    registry.register_with_unit("lease_gpu_busy", help, Unit::Other("ratio".to_owned()), busy);
    let help = "What those of a lease's GPUs that tell their power have drawn";
    registry.register_with_unit("lease_gpu_energy", help, Unit::Joules, energy);
}

/// In whole units, as exact as the format is.
fn thousandths(number: u64) -> f64 {
    number as f64 / 1_000.0
}

fn storage(registry: &mut Registry, status: &Status) {
    let storage = &status.storage;
    registry.register("images", "Images that the worker has pulled and keeps", gauge(storage.images_kept));
    for (name, help, value) in [
        ("image_cache", "What these images take up", storage.image_cache_bytes),
        ("image_cache_limit", "The most that they may take", storage.image_cache_limit_bytes),
        ("disk_free", "Free on the file system of the data folder", storage.free_bytes),
        ("disk_reserve", "Kept free of it", storage.reserve_bytes),
        ("input_cache", "Inputs kept between tasks", storage.input_cache_bytes),
        ("input_cache_limit", "The most that inputs may take", storage.input_cache_limit_bytes),
    ] {
        registry.register_with_unit(name, help, Unit::Bytes, gauge(value));
    }
}
