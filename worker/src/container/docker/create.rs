use std::collections::HashMap;
use std::path::Path;

use bollard::models::{ContainerCreateBody, DeviceRequest, HostConfig, HostConfigLogConfig, Mount, MountType};

use crate::container::{GpuAccess, NetworkAccess, Plan, label, name};

const MIB: i64 = 1024 * 1024;
/// Room for temporary files; counts as the container's memory.
const SCRATCH: &str = "rw,nosuid,nodev,size=256m,mode=1777";
/// What `/dev/shm` may hold; counts as the container's memory.
const SHARED_MEMORY: i64 = 64 * MIB;
/// Of at most 1000: the kernel's mark for whom to end first (proc(5), `oom_score_adj`).
const OUT_OF_MEMORY_FIRST: i64 = 500;
/// More than the worker ever sends on, so that rotation never moves the offsets of what it sends.
const LOG_SIZE: &str = "32m";

/// How a stranger's program is locked in: no root, no capability, no way to gain either, nothing
/// writable but `/outputs` and memory, no network unless the job asks for one, and limits on
/// everything it could exhaust. `volumes` are those of the image: the engine would put them on its
/// own disk, writable and without a limit, so they lie in memory like `/tmp`.
pub(super) fn body(plan: &Plan, volumes: &[String]) -> ContainerCreateBody {
    let memory = i64::from(plan.memory_mib) * MIB;
    let host = HostConfig {
        nano_cpus: Some(i64::from(plan.cpu_millis) * 1_000_000),
        memory: Some(memory),
        // Equal to `memory`: no swap.
        memory_swap: Some(memory),
        // The engine's own default is for its owner to change.
        shm_size: Some(SHARED_MEMORY),
        // When the machine itself runs out of memory, a job goes before anything of the rig's.
        oom_score_adj: Some(OUT_OF_MEMORY_FIRST),
        pids_limit: Some(i64::from(plan.pids)),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        privileged: Some(false),
        readonly_rootfs: Some(true),
        tmpfs: Some(scratch(volumes)),
        network_mode: Some(match plan.network {
            NetworkAccess::None => "none".to_owned(),
            NetworkAccess::Internet { .. } => name(plan.key),
        }),
        dns: match &plan.network {
            NetworkAccess::None => None,
            NetworkAccess::Internet { resolvers } => Some(resolvers.iter().map(ToString::to_string).collect()),
        },
        ipc_mode: Some("private".to_owned()),
        mounts: Some(mounts(plan)),
        device_requests: gpus(&plan.gpus),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), LOG_SIZE.to_owned()),
                ("max-file".to_owned(), "1".to_owned()),
            ])),
        }),
        ..HostConfig::default()
    };
    ContainerCreateBody {
        image: Some(plan.image.clone()),
        cmd: (!plan.command.is_empty()).then(|| plan.command.clone()),
        env: Some(plan.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        user: Some(format!("{}:{}", plan.user.0, plan.user.1)),
        hostname: Some("millrace".to_owned()),
        labels: Some(labels(plan)),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

fn scratch(volumes: &[String]) -> HashMap<String, String> {
    let bound = ["/inputs", "/outputs", "/run/secrets"];
    let free = volumes.iter().map(|path| path.trim_end_matches('/')).filter(|path| !bound.contains(path));
    free.chain(["/tmp"]).map(|path| (path.to_owned(), SCRATCH.to_owned())).collect()
}

/// Secrets as files: what the engine shows of a container names their folder and nothing in it.
fn mounts(plan: &Plan) -> Vec<Mount> {
    let secrets = plan.secrets.as_ref().map(|secrets| bind(secrets, "/run/secrets", true));
    let mut mounts = vec![bind(&plan.inputs, "/inputs", true), bind(&plan.outputs, "/outputs", false)];
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
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn gpus(access: &GpuAccess) -> Option<Vec<DeviceRequest>> {
    let GpuAccess::Devices(uuids) = access else { return None };
    Some(vec![DeviceRequest {
        driver: Some("nvidia".to_owned()),
        device_ids: Some(uuids.clone()),
        capabilities: Some(vec![vec!["gpu".to_owned(), "compute".to_owned(), "utility".to_owned()]]),
        ..DeviceRequest::default()
    }])
}

#[cfg(test)]
mod tests {
    use millrace_agent::TaskKey;
    use millrace_protocol::Address;

    use super::*;

    fn plan() -> Plan {
        Plan {
            key: TaskKey { lease: Address([1; 32]), task: 2, attempt: 3 },
            job: Address([4; 32]),
            node: Address([5; 32]),
            image: "probe:1".into(),
            command: vec![],
            environment: vec![("A".into(), "b".into())],
            cpu_millis: 1_500,
            memory_mib: 64,
            pids: 32,
            network: NetworkAccess::None,
            inputs: "/in".into(),
            outputs: "/out".into(),
            secrets: None,
            user: (1_000, 1_000),
            gpus: GpuAccess::None,
        }
    }

    #[test]
    fn every_restriction_is_in_the_request() {
        let body = body(&plan(), &[]);
        let host = body.host_config.unwrap();
        assert_eq!(host.nano_cpus, Some(1_500_000_000));
        assert_eq!((host.memory, host.memory_swap), (Some(64 * MIB), Some(64 * MIB)));
        assert_eq!((host.pids_limit, host.shm_size, host.oom_score_adj), (Some(32), Some(64 * MIB), Some(500)));
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
        assert_eq!(body.env, Some(vec!["A=b".to_owned()]));
        assert_eq!(body.labels.unwrap()[label::TASK], "2");
        assert_eq!(host.device_requests, None);
    }

    #[test]
    fn secrets_are_bound_read_only_and_only_where_there_are_any() {
        let plan = Plan { secrets: Some("/dev/shm/a".into()), ..plan() };
        let body = body(&plan, &[]);
        assert_eq!(body.env, Some(vec!["A=b".to_owned()]), "never in the environment");
        let mounts = body.host_config.unwrap().mounts.unwrap();
        assert_eq!(mounts[2], bind(Path::new("/dev/shm/a"), "/run/secrets", true));
    }

    #[test]
    fn an_images_volumes_never_lie_on_the_rigs_disk() {
        let volumes = ["/scratch", "/outputs", "/tmp/"].map(str::to_owned);
        let tmpfs = body(&plan(), &volumes).host_config.unwrap().tmpfs.unwrap();
        let mut paths: Vec<&str> = tmpfs.keys().map(String::as_str).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["/scratch", "/tmp"]);
        assert!(tmpfs.values().all(|options| options.contains("size=256m")));
    }

    #[test]
    fn a_network_and_gpus_come_only_when_asked_for() {
        let network = NetworkAccess::Internet { resolvers: vec!["192.0.2.53".parse().unwrap()] };
        let plan = Plan { network, gpus: GpuAccess::Devices(vec!["GPU-1".into()]), ..plan() };
        let host = body(&plan, &[]).host_config.unwrap();
        assert_eq!(host.network_mode, Some(name(plan.key)), "a network of its own, which is called like it");
        assert_eq!(host.dns, Some(vec!["192.0.2.53".to_owned()]));
        assert_eq!(host.device_requests.unwrap()[0].device_ids, Some(vec!["GPU-1".to_owned()]));
    }
}
