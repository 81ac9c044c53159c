use super::Docker;
use crate::container::Error;

/// What a daemon says of how it runs containers.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Facts {
    pub version: String,
    /// `1` or `2`.
    pub cgroup_version: String,
    pub limits_memory: bool,
    pub limits_swap: bool,
    pub limits_processes: bool,
    pub limits_cpu: bool,
    /// Name of the filter's profile; `None` without a filter.
    pub seccomp: Option<String>,
    /// Version of runc, packager's part included.
    pub runc: String,
}

pub(super) async fn read(docker: &Docker) -> Result<Facts, Error> {
    let info = docker.api.info().await.map_err(|error| docker.error(error))?;
    let options = info.security_options.unwrap_or_default();
    // `name=seccomp,profile=default`
    let seccomp = options.iter().find_map(|option| {
        let told = option.strip_prefix("name=seccomp")?;
        Some(told.split_once("profile=").map_or("", |(_, profile)| profile).to_owned())
    });
    Ok(Facts {
        version: info.server_version.unwrap_or_default(),
        cgroup_version: info.cgroup_version.map_or_else(String::new, |version| version.to_string()),
        limits_memory: info.memory_limit.unwrap_or(false),
        limits_swap: info.swap_limit.unwrap_or(false),
        limits_processes: info.pids_limit.unwrap_or(false),
        limits_cpu: info.cpu_cfs_quota.unwrap_or(false),
        seccomp,
        runc: info.runc_commit.and_then(|commit| commit.id).unwrap_or_default(),
    })
}
