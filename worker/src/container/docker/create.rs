use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bollard::models::{
    ContainerCreateBody, DeviceMapping, DeviceRequest, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType,
    ResourcesUlimits, SystemInfo, SystemInfoCgroupDriverEnum,
};
use millrace_spec::Runtime;

use super::volumes::Wanted;
use crate::container::{GpuAccess, NetworkAccess, Plan, label, name};

const MIB: i64 = 1024 * 1024;
/// Room for temporary files; counts as the container's memory.
const SCRATCH: &str = "rw,nosuid,nodev,size=256m,mode=1777";
/// What `/dev/shm` may hold at least, which is what Docker gives it; counts as the container's memory.
const SHARED_MEMORY: i64 = 64 * MIB;
/// Of at most 1000: the kernel's mark for whom to end first (proc(5), `oom_score_adj`).
const OUT_OF_MEMORY_FIRST: i64 = 500;
/// A resolver that does not answer: the container itself.
const NOBODY: &str = "127.0.0.1";
/// More than the worker ever sends on: whoever is restarted finds the log from its beginning, but where more than this
/// was printed meanwhile, or in lines that are shorter than 9 bytes, or 25 (the driver `local` adds some 28 bytes to a
/// line, JSON some 75). There the engine has begun anew, and the worker leaves the rest out and says so, unless it has
/// none of the log yet to know it by. No size is large enough for a program that prints as fast as it can.
const LOG_SIZE: &str = "32m";

/// The runtime of jobs that ask for none, whatever else an engine takes by default: NVIDIA's hands out GPUs by variables
/// that are the buyer's or the image's to write.
pub(super) const OWN_RUNTIME: &str = "runc";
/// What NVIDIA's runtime and its hook take for a container that is to have no GPU.
const NO_GPU: &str = "void";
/// Devices of the rig beside its GPUs, which the hook hands out to whoever's variable says `enabled`.
const BESIDE_GPUS: [&str; 4] = ["NVIDIA_GDRCOPY", "NVIDIA_GDS", "NVIDIA_MOFED", "NVIDIA_NVSWITCH"];
/// What the hook hands out or, in a container without privileges, fails over, whatever such a variable says; an empty
/// one is none to it.
const NOT_SAID: [&str; 3] = ["NVIDIA_IMEX_CHANNELS", "NVIDIA_MIG_CONFIG_DEVICES", "NVIDIA_MIG_MONITOR_DEVICES"];
/// What Docker takes for a container that is to have no health check, also where its image has one.
const NO_HEALTH_CHECK: &str = "NONE";
/// The one size of core dumps at which the kernel makes none, also where the rig hands them to a program of its own: to
/// that it hands them at 0, too (core(5), `fs/coredump.c`).
const NO_CORE_DUMPS: i64 = 1;

/// What an engine has, as far as its containers are made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Means {
    log: LogDriver,
    /// Whether it knows [`OWN_RUNTIME`].
    runc: bool,
    gvisor: bool,
    /// Whether systemd keeps the device rules of its containers.
    rules_by_systemd: bool,
}

impl Means {
    pub fn of(info: SystemInfo) -> Self {
        let runtimes = info.runtimes.unwrap_or_default();
        Self {
            log: LogDriver::of(&info.plugins.and_then(|plugins| plugins.log).unwrap_or_default()),
            runc: runtimes.contains_key(OWN_RUNTIME),
            gvisor: runtimes.contains_key(engine_name(Runtime::Gvisor)),
            rules_by_systemd: rules_by_systemd(info.cgroup_driver),
        }
    }

    /// Whether what the engine keeps of a container's words is what the container has printed.
    pub fn keeps_every_byte(&self) -> bool {
        self.log == LogDriver::Local
    }

    /// Whether the engine has the runtime that a job asks for.
    pub fn has(self, asked: Option<Runtime>) -> bool {
        match asked {
            Some(Runtime::Gvisor) => self.gvisor,
            None => true,
        }
    }

    fn runtime(self, asked: Option<Runtime>) -> Option<String> {
        asked.map(engine_name).or(self.runc.then_some(OWN_RUNTIME)).map(str::to_owned)
    }
}

/// Whether systemd keeps the device rules of the engine's containers.
pub(super) fn rules_by_systemd(driver: Option<SystemInfoCgroupDriverEnum>) -> bool {
    driver == Some(SystemInfoCgroupDriverEnum::SYSTEMD)
}

/// How the engine keeps what a container prints. Each keeps all of it up to [`LOG_SIZE`], in one order, over its own
/// restarts, and a program waits for it: the mode `non-blocking` has the engine hold what is not written yet, and does
/// not count empty lines (moby's `daemon/logger/ring.go`), so that a program could fill the rig's memory with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogDriver {
    /// Docker's own format. It costs the engine a third of what JSON costs to write and read again.
    Local,
    /// Where there is no other: Podman takes it for its own.
    JsonFile,
}

impl LogDriver {
    /// The best of those that the engine names.
    fn of(named: &[String]) -> Self {
        if named.iter().any(|name| name == "local") { Self::Local } else { Self::JsonFile }
    }

    fn config(self) -> HostConfigLogConfig {
        let (name, more) = match self {
            // What is one file cannot be compressed.
            Self::Local => ("local", Some(("compress", "false"))),
            Self::JsonFile => ("json-file", None),
        };
        let options = [("max-size", LOG_SIZE), ("max-file", "1")].into_iter().chain(more);
        let config = options.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        HostConfigLogConfig { typ: Some(name.to_owned()), config: Some(config) }
    }
}

/// How a stranger's program is locked in: no root, no capability, no way to gain either, nothing
/// writable but `/outputs` and memory, no network unless the job asks for one, and limits on
/// everything it could exhaust. `wanted` is the image's: a volume that nothing is bound to the engine would put on its
/// own disk, writable and without a limit, so it lies in memory like `/tmp`. `devices` are [`named_devices`], `run` is
/// the engine's, where it has a name.
pub(super) fn body(
    plan: &Plan,
    wanted: &Wanted,
    devices: Option<Vec<DeviceMapping>>,
    means: Means,
    run: Option<String>,
) -> ContainerCreateBody {
    let mounts = mounts(plan);
    // Whatever watches containers on the rig takes labels for its owner's word, and Docker adds the image's.
    let mut labels: HashMap<String, String> = wanted.labels.iter().map(|name| (name.clone(), String::new())).collect();
    labels.extend(self::labels(plan));
    labels.extend(run.map(|run| (label::RUN.to_owned(), run)));
    let (own_memory_mib, own_processes) = own_needs(plan.runtime);
    let memory = i64::from(plan.memory_mib.saturating_add(own_memory_mib)) * MIB;
    let host = HostConfig {
        nano_cpus: Some(i64::from(plan.cpu_millis) * 1_000_000),
        memory: Some(memory),
        // Equal to `memory`: no swap.
        memory_swap: Some(memory),
        // The engine's own default is for its owner to change.
        // Half of the memory, as on a machine of one's own: what loads training data shares it between processes.
        shm_size: Some(SHARED_MEMORY.max(i64::from(plan.memory_mib / 2) * MIB)),
        // When the machine itself runs out of memory, a job goes before anything of the rig's.
        oom_score_adj: Some(OUT_OF_MEMORY_FIRST),
        pids_limit: Some(i64::from(plan.pids.saturating_add(own_processes))),
        ulimits: Some(vec![ResourcesUlimits {
            name: Some("core".to_owned()),
            soft: Some(NO_CORE_DUMPS),
            hard: Some(NO_CORE_DUMPS),
        }]),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        privileged: Some(false),
        readonly_rootfs: Some(true),
        tmpfs: Some(scratch(&wanted.volumes, &mounts)),
        network_mode: Some(match plan.network {
            NetworkAccess::None => "none".to_owned(),
            NetworkAccess::Internet { .. } | NetworkAccess::Only { .. } => name(plan.key),
        }),
        dns: match &plan.network {
            NetworkAccess::None => None,
            NetworkAccess::Internet { resolvers } => Some(resolvers.iter().map(ToString::to_string).collect()),
            // Without one the engine asks the rig's own, from outside of the fence.
            NetworkAccess::Only { .. } => Some(vec![NOBODY.to_owned()]),
        },
        extra_hosts: match &plan.network {
            NetworkAccess::None | NetworkAccess::Internet { .. } => None,
            NetworkAccess::Only { hosts, .. } => {
                Some(hosts.iter().map(|(name, address)| format!("{name}:{address}")).collect())
            }
        },
        runtime: means.runtime(plan.runtime),
        userns_mode: plan.host_users.then(|| "host".to_owned()),
        ipc_mode: Some("private".to_owned()),
        mounts: Some(mounts),
        device_requests: gpus(&plan.gpus),
        devices,
        log_config: Some(means.log.config()),
        ..HostConfig::default()
    };
    ContainerCreateBody {
        image: Some(plan.image_id.clone()),
        cmd: (!plan.command.is_empty()).then(|| plan.command.clone()),
        env: Some(environment(plan)),
        user: Some(format!("{}:{}", plan.user.0, plan.user.1)),
        hostname: Some("millrace".to_owned()),
        // The engine would run it as often as the image likes, and starts each outside of the container's limits.
        healthcheck: Some(HealthConfig { test: Some(vec![NO_HEALTH_CHECK.to_owned()]), ..HealthConfig::default() }),
        labels: Some(labels),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

/// The plan's variables, but for those by which NVIDIA's runtime, or the hook that Docker calls for a GPU, hands out
/// devices: the worker's come in their place, and over the image's.
fn environment(plan: &Plan) -> Vec<String> {
    let (visible, beside, not_said) = match &plan.gpus {
        GpuAccess::None => (NO_GPU.to_owned(), [].as_slice(), [].as_slice()),
        GpuAccess::Devices { uuids, .. } => (uuids.join(","), BESIDE_GPUS.as_slice(), NOT_SAID.as_slice()),
    };
    let beside = beside.iter().map(|name| (*name, "disabled".to_owned()));
    let not_said = not_said.iter().map(|name| (*name, String::new()));
    let visible = std::iter::once(("NVIDIA_VISIBLE_DEVICES", visible));
    let own: Vec<(&str, String)> = visible.chain(beside).chain(not_said).collect();
    let theirs = plan.environment.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let theirs = theirs.filter(|(name, _)| own.iter().all(|(own, _)| own != name));
    theirs.chain(own.clone()).map(|(name, value)| format!("{name}={value}")).collect()
}

/// What a runtime takes for itself of the container's limits, in MiB of memory and in processes: an idle gVisor of 2022
/// was seen with 13 MiB and 39 threads, and does not start with less than 16 MiB.
fn own_needs(runtime: Option<Runtime>) -> (u32, u32) {
    match runtime {
        Some(Runtime::Gvisor) => (32, 64),
        None => (0, 0),
    }
}

/// What engines call a runtime; its own documentation registers it with Docker under this name.
pub(super) fn engine_name(runtime: Runtime) -> &'static str {
    match runtime {
        Runtime::Gvisor => "runsc",
    }
}

pub(super) fn scratch(volumes: &[String], mounts: &[Mount]) -> HashMap<String, String> {
    let is_bound = |path: &&str| mounts.iter().any(|mount| mount.target.as_deref() == Some(path));
    let volumes = volumes.iter().map(String::as_str).filter(|path| !is_bound(path));
    volumes.chain(["/tmp"]).map(|path| (path.to_owned(), SCRATCH.to_owned())).collect()
}

/// Secrets as files: what the engine shows of a container names their folder and nothing in it.
fn mounts(plan: &Plan) -> Vec<Mount> {
    let secrets = plan.secrets.as_ref().map(|secrets| bind(secrets, "/run/secrets", true));
    let mut mounts = vec![bind(&plan.inputs, "/inputs", true), bind(&plan.outputs, "/outputs", false)];
    mounts.extend(plan.checkpoint.as_ref().map(|folder| bind(folder, "/checkpoint", false)));
    mounts.extend(secrets);
    mounts
}

fn bind(source: &Path, target: &str, read_only: bool) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(source.display().to_string()),
        target: Some(target.to_owned()),
        read_only: Some(read_only),
        ..Mount::default()
    }
}

pub(super) fn labels(plan: &Plan) -> HashMap<String, String> {
    [
        (label::NODE, plan.node.to_string()),
        (label::JOB, plan.job.to_string()),
        (label::LEASE, plan.key.lease.to_string()),
        (label::TASK, plan.key.task.to_string()),
        (label::ATTEMPT, plan.key.attempt.to_string()),
        (label::IMAGE, plan.image.clone()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn gpus(access: &GpuAccess) -> Option<Vec<DeviceRequest>> {
    let GpuAccess::Devices { uuids, .. } = access else { return None };
    Some(vec![DeviceRequest {
        driver: Some("nvidia".to_owned()),
        device_ids: Some(uuids.clone()),
        capabilities: Some(vec![vec!["gpu".to_owned(), "compute".to_owned(), "utility".to_owned()]]),
        ..DeviceRequest::default()
    }])
}

/// The nodes of the container's GPUs that the rig has, where systemd keeps the rules by which it may open them.
/// NVIDIA's hook lets a container open them anyway, but says so to the kernel alone: when systemd writes the rules anew
/// (`systemctl daemon-reload`), it leaves out what the runtime did not name to it. gVisor brings GPUs in by itself, and
/// has crashed over nodes that were named to it (google/gvisor#13621).
pub(super) fn named_devices(plan: &Plan, means: Means, is_there: impl Fn(&Path) -> bool) -> Option<Vec<DeviceMapping>> {
    let GpuAccess::Devices { nodes, .. } = &plan.gpus else { return None };
    let name = |node: &PathBuf| DeviceMapping {
        path_on_host: Some(node.display().to_string()),
        path_in_container: Some(node.display().to_string()),
        // As the hook's, which are not to be made by the container itself.
        cgroup_permissions: Some("rw".to_owned()),
    };
    let is_named = means.rules_by_systemd && plan.runtime.is_none();
    is_named.then(|| nodes.iter().filter(|node| is_there(node)).map(name).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use millrace_agent::TaskKey;
    use millrace_protocol::Address;

    use super::*;

    const MEANS: Means = Means { log: LogDriver::Local, runc: true, gvisor: true, rules_by_systemd: true };

    pub fn plan() -> Plan {
        Plan {
            key: TaskKey { lease: Address([1; 32]), task: 2, attempt: 3 },
            job: Address([4; 32]),
            node: Address([5; 32]),
            image: "probe:1".into(),
            image_id: "sha256:d".into(),
            command: vec![],
            environment: vec![("A".into(), "b".into())],
            cpu_millis: 1_500,
            memory_mib: 64,
            pids: 32,
            network: NetworkAccess::None,
            runtime: None,
            inputs: "/in".into(),
            outputs: "/out".into(),
            checkpoint: None,
            secrets: None,
            user: (1_000, 1_000),
            host_users: false,
            gpus: GpuAccess::None,
        }
    }

    fn two_gpus() -> GpuAccess {
        let nodes = ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia1", "/dev/nvidia4"].map(PathBuf::from);
        GpuAccess::Devices { uuids: vec!["GPU-1".into(), "GPU-2".into()], nodes: nodes.to_vec() }
    }

    #[test]
    fn every_restriction_is_in_the_request() {
        let body = body(&plan(), &Wanted::default(), None, MEANS, Some("a-run".to_owned()));
        let host = body.host_config.unwrap();
        assert_eq!(host.nano_cpus, Some(1_500_000_000));
        assert_eq!((host.memory, host.memory_swap), (Some(64 * MIB), Some(64 * MIB)));
        assert_eq!((host.pids_limit, host.shm_size, host.oom_score_adj), (Some(32), Some(64 * MIB), Some(500)));
        let large = super::body(
            &Plan { memory_mib: 4_097, ..plan() },
            &Wanted::default(),
            None,
            MEANS,
            Some("a-run".to_owned()),
        );
        assert_eq!(large.host_config.unwrap().shm_size, Some(2_048 * MIB));
        assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
        assert_eq!(host.security_opt, Some(vec!["no-new-privileges".to_owned()]));
        assert_eq!(host.network_mode.as_deref(), Some("none"));
        assert_eq!(host.readonly_rootfs, Some(true));
        assert_eq!(
            host.mounts,
            Some(vec![bind(Path::new("/in"), "/inputs", true), bind(Path::new("/out"), "/outputs", false)])
        );
        assert_eq!(body.user.as_deref(), Some("1000:1000"));
        assert_eq!(body.cmd, None, "the image's own command");
        assert_eq!(body.healthcheck.unwrap().test, Some(vec!["NONE".to_owned()]), "not even the image's own");
        let ulimits = host.ulimits.unwrap();
        let core = ulimits.iter().map(|limit| (limit.name.as_deref(), limit.soft, limit.hard)).collect::<Vec<_>>();
        assert_eq!(core, [(Some("core"), Some(1), Some(1))]);
        assert_eq!(body.env, Some(vec!["A=b".to_owned(), "NVIDIA_VISIBLE_DEVICES=void".to_owned()]));
        let labels = body.labels.unwrap();
        assert_eq!((labels[label::TASK].as_str(), labels[label::RUN].as_str()), ("2", "a-run"));
        assert_eq!(host.device_requests, None);
    }

    #[test]
    fn a_log_is_kept_whole_in_one_file_by_the_driver_that_costs_least() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (named, expected) in [
            (names(&["awslogs", "json-file", "local"]), LogDriver::Local),
            (names(&["k8s-file", "journald"]), LogDriver::JsonFile),
            (names(&[]), LogDriver::JsonFile),
        ] {
            let driver = LogDriver::of(&named);
            assert_eq!(driver, expected);
            let config = body(&plan(), &Wanted::default(), None, Means { log: driver, ..MEANS }, None)
                .host_config
                .unwrap()
                .log_config
                .unwrap()
                .config
                .unwrap();
            assert_eq!((config["max-size"].as_str(), config["max-file"].as_str()), (LOG_SIZE, "1"));
        }
    }

    #[test]
    fn a_container_leaves_the_engines_user_namespace_only_where_its_user_must_be_the_rigs() {
        let mode = |host_users| {
            body(&Plan { host_users, ..plan() }, &Wanted::default(), None, MEANS, None).host_config.unwrap().userns_mode
        };
        assert_eq!([mode(false), mode(true)], [None, Some("host".to_owned())]);
    }

    #[test]
    fn a_container_has_the_runtime_that_its_job_asks_for_and_the_same_restrictions() {
        let host =
            |runtime| body(&Plan { runtime, ..plan() }, &Wanted::default(), None, MEANS, None).host_config.unwrap();
        let (own, gvisor) = (host(None), host(Some(Runtime::Gvisor)));
        assert_eq!((own.runtime.as_deref(), gvisor.runtime.as_deref()), (Some("runc"), Some("runsc")));
        let memory = own.memory.map(|memory| memory + 32 * MIB);
        let pids_limit = own.pids_limit.map(|pids| pids + 64);
        assert_eq!(
            gvisor,
            HostConfig { runtime: gvisor.runtime.clone(), memory, memory_swap: memory, pids_limit, ..own }
        );
    }

    #[test]
    fn no_variable_of_a_buyer_hands_out_devices() {
        let theirs = ["NVIDIA_VISIBLE_DEVICES"].into_iter().chain(BESIDE_GPUS).chain(NOT_SAID);
        let environment: Vec<_> = theirs.map(|name| (name.to_owned(), "all".to_owned())).collect();
        let environment = |gpus| {
            body(&Plan { environment: environment.clone(), gpus, ..plan() }, &Wanted::default(), None, MEANS, None)
                .env
                .unwrap()
        };
        let none = environment(GpuAccess::None);
        assert_eq!(none.iter().filter(|line| line.starts_with("NVIDIA_VISIBLE_DEVICES=")).count(), 1);
        assert!(none.contains(&"NVIDIA_VISIBLE_DEVICES=void".to_owned()), "{none:?}");
        let mut two = environment(two_gpus());
        two.sort_unstable();
        let expected = [
            "NVIDIA_GDRCOPY=disabled",
            "NVIDIA_GDS=disabled",
            "NVIDIA_IMEX_CHANNELS=",
            "NVIDIA_MIG_CONFIG_DEVICES=",
            "NVIDIA_MIG_MONITOR_DEVICES=",
            "NVIDIA_MOFED=disabled",
            "NVIDIA_NVSWITCH=disabled",
            "NVIDIA_VISIBLE_DEVICES=GPU-1,GPU-2",
        ];
        assert_eq!(two, expected);
    }

    #[test]
    fn an_engines_default_runtime_is_for_those_without_runc() {
        let engine = |names: &[&str]| SystemInfo {
            runtimes: Some(names.iter().map(|name| ((*name).to_owned(), Default::default())).collect()),
            default_runtime: Some("nvidia".to_owned()),
            ..SystemInfo::default()
        };
        let runtime = |names: &[&str]| {
            body(&plan(), &Wanted::default(), None, Means::of(engine(names)), None).host_config.unwrap().runtime
        };
        assert_eq!(runtime(&["nvidia", "runc"]).as_deref(), Some("runc"));
        assert_eq!(runtime(&["crun"]), None, "Podman's is the only one");
    }

    #[test]
    fn secrets_are_bound_read_only_and_only_where_there_are_any() {
        let plan = Plan { secrets: Some("/dev/shm/a".into()), ..plan() };
        let body = body(&plan, &Wanted::default(), None, MEANS, None);
        assert_eq!(body.env.unwrap(), ["A=b", "NVIDIA_VISIBLE_DEVICES=void"], "never in the environment");
        let mounts = body.host_config.unwrap().mounts.unwrap();
        assert_eq!(mounts[2], bind(Path::new("/dev/shm/a"), "/run/secrets", true));
    }

    #[test]
    fn a_task_writes_into_a_checkpoint_only_where_it_keeps_one() {
        let plan = Plan { checkpoint: Some("/kept".into()), ..plan() };
        let mounts = body(&plan, &Wanted::default(), None, MEANS, None).host_config.unwrap().mounts.unwrap();
        assert_eq!(mounts[2], bind(Path::new("/kept"), "/checkpoint", false));
    }

    #[test]
    fn an_images_volumes_never_lie_on_the_rigs_disk() {
        let volumes = ["/scratch", "/tmp", "/inputs", "/outputs", "/checkpoint", "/run/secrets"].map(str::to_owned);
        let wanted = Wanted { volumes: volumes.to_vec(), ..Wanted::default() };
        let tmpfs = |plan: &Plan| {
            let tmpfs = body(plan, &wanted, None, MEANS, None).host_config.unwrap().tmpfs.unwrap();
            assert!(tmpfs.values().all(|options| options.contains("size=256m")));
            let mut paths: Vec<String> = tmpfs.into_keys().collect();
            paths.sort_unstable();
            paths
        };
        assert_eq!(tmpfs(&plan()), ["/checkpoint", "/run/secrets", "/scratch", "/tmp"]);
        let binding = Plan { checkpoint: Some("/kept".into()), secrets: Some("/dev/shm/a".into()), ..plan() };
        assert_eq!(tmpfs(&binding), ["/scratch", "/tmp"], "what is bound is the worker's");
    }

    #[test]
    fn an_images_labels_say_nothing_and_none_of_them_is_the_workers() {
        let names = ["traefik.enable", label::NODE, label::TASK, label::RUN, label::EGRESS];
        let wanted = Wanted { labels: names.map(str::to_owned).to_vec(), ..Wanted::default() };
        let labels = |run: Option<&str>| body(&plan(), &wanted, None, MEANS, run.map(str::to_owned)).labels.unwrap();
        let expected: HashMap<String, String> = super::labels(&plan())
            .into_iter()
            .chain(["traefik.enable", label::RUN, label::EGRESS].map(|name| (name.to_owned(), String::new())))
            .collect();
        assert_eq!(labels(None), expected, "a run that is nobody's");
        assert_eq!(labels(Some("a-run"))[label::RUN], "a-run");
        assert_eq!(labels(None)[label::NODE], plan().node.to_string());
    }

    #[test]
    fn a_network_and_gpus_come_only_when_asked_for() {
        let network = NetworkAccess::Internet { resolvers: vec!["192.0.2.53".parse().unwrap()] };
        let plan = Plan { network, gpus: two_gpus(), ..plan() };
        let host = body(&plan, &Wanted::default(), None, MEANS, None).host_config.unwrap();
        assert_eq!(host.network_mode, Some(name(plan.key)), "a network of its own, which is called like it");
        assert_eq!((host.dns, host.extra_hosts), (Some(vec!["192.0.2.53".to_owned()]), None));
        assert_eq!(host.device_requests.unwrap()[0].device_ids, Some(vec!["GPU-1".into(), "GPU-2".into()]));
    }

    #[test]
    fn where_systemd_keeps_the_rules_the_nodes_of_exactly_the_containers_gpus_are_named() {
        let with = Plan { gpus: two_gpus(), ..plan() };
        let named = named_devices(&with, MEANS, |node| node != Path::new("/dev/nvidia-uvm"));
        let devices = body(&with, &Wanted::default(), named, MEANS, None).host_config.unwrap().devices.unwrap();
        let expected = ["/dev/nvidiactl", "/dev/nvidia1", "/dev/nvidia4"].map(|node| DeviceMapping {
            path_on_host: Some(node.to_owned()),
            path_in_container: Some(node.to_owned()),
            cgroup_permissions: Some("rw".to_owned()),
        });
        assert_eq!(devices, expected, "one that the rig lacks keeps no container from starting");

        let elsewhere = Means { rules_by_systemd: false, ..MEANS };
        let gvisor = Plan { runtime: Some(Runtime::Gvisor), ..with.clone() };
        for (plan, means) in [(&with, elsewhere), (&gvisor, MEANS), (&plan(), MEANS)] {
            assert_eq!(named_devices(plan, means, |_| true), None, "{:?} {means:?}", plan.gpus);
        }
    }

    #[test]
    fn only_an_engine_that_says_so_has_its_rules_kept_by_systemd() {
        use SystemInfoCgroupDriverEnum as Driver;
        let kept = |driver| Means::of(SystemInfo { cgroup_driver: driver, ..SystemInfo::default() }).rules_by_systemd;
        let drivers = [None, Some(Driver::EMPTY), Some(Driver::NONE), Some(Driver::CGROUPFS), Some(Driver::SYSTEMD)];
        assert_eq!(drivers.map(kept), [false, false, false, false, true]);
    }

    #[test]
    fn a_container_with_a_list_knows_its_hosts_and_has_nobody_to_ask_for_others() {
        let hosts = vec![("a.example".to_owned(), "203.0.113.7".parse().unwrap())];
        let network = NetworkAccess::Only { hosts, destinations: vec!["203.0.113.7:443".parse().unwrap()] };
        let host = body(&Plan { network, ..plan() }, &Wanted::default(), None, MEANS, None).host_config.unwrap();
        assert_eq!(host.extra_hosts, Some(vec!["a.example:203.0.113.7".to_owned()]));
        assert_eq!(host.dns, Some(vec![NOBODY.to_owned()]));
    }
}
