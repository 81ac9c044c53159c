use super::Docker;
use super::create::{OWN_RUNTIME, rules_by_systemd};
use crate::container::Error;

/// What a daemon says of how it runs containers.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Facts {
    pub version: String,
    /// `1` or `2`.
    pub cgroup_version: String,
    /// Whether systemd keeps the device rules of containers.
    pub rules_by_systemd: bool,
    pub limits_memory: bool,
    pub limits_swap: bool,
    pub limits_processes: bool,
    pub limits_cpu: bool,
    /// Name of the filter's profile; `None` without a filter.
    pub seccomp: Option<String>,
    /// Containers have users of their own, which are nobody of the rig's.
    pub has_user_namespace: bool,
    /// Version of runc, packager's part included.
    pub runc: String,
    /// Which runtime it takes for containers that name none.
    pub default_runtime: String,
    /// Whether jobs that ask for no runtime have runc whatever that is.
    pub pins_runc: bool,
}

pub(super) async fn read(docker: &Docker) -> Result<Facts, Error> {
    let info = docker.api.info().await.map_err(|error| docker.error(error))?;
    let has_user_namespace = user_namespace(&info.security_options, info.docker_root_dir.as_deref()).is_some();
    let options = info.security_options.unwrap_or_default();
    // `name=seccomp,profile=default`
    let seccomp = options.iter().find_map(|option| {
        let told = option.strip_prefix("name=seccomp")?;
        Some(told.split_once("profile=").map_or("", |(_, profile)| profile).to_owned())
    });
    let pins_runc = info.runtimes.as_ref().is_some_and(|runtimes| runtimes.contains_key(OWN_RUNTIME));
    Ok(Facts {
        version: info.server_version.unwrap_or_default(),
        cgroup_version: info.cgroup_version.map_or_else(String::new, |version| version.to_string()),
        rules_by_systemd: rules_by_systemd(info.cgroup_driver),
        limits_memory: info.memory_limit.unwrap_or(false),
        limits_swap: info.swap_limit.unwrap_or(false),
        limits_processes: info.pids_limit.unwrap_or(false),
        limits_cpu: info.cpu_cfs_quota.unwrap_or(false),
        seccomp,
        has_user_namespace,
        runc: info.runc_commit.and_then(|commit| commit.id).unwrap_or_default(),
        default_runtime: info.default_runtime.unwrap_or_default(),
        pins_runc,
    })
}

/// The rig's user and group that root is in containers, of an engine with `userns-remap`: its root folder is called
/// after them.
pub(super) fn user_namespace(options: &Option<Vec<String>>, root: Option<&str>) -> Option<(u32, u32)> {
    let is_on = options.iter().flatten().any(|option| option == "name=userns");
    let (user, group) = root.filter(|_| is_on)?.trim_end_matches('/').rsplit('/').next()?.split_once('.')?;
    Some((user.parse().ok()?, group.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_root_is_in_a_container_is_told_by_the_engines_folder() {
        let on = Some(vec!["name=seccomp,profile=builtin".to_owned(), "name=userns".to_owned()]);
        assert_eq!(user_namespace(&on, Some("/var/lib/docker/165536.165537")), Some((165_536, 165_537)));
        for root in [None, Some(""), Some("/var/lib/docker"), Some("/var/lib/docker/1.x")] {
            assert_eq!(user_namespace(&on, root), None, "{root:?}");
        }
        assert_eq!(user_namespace(&None, Some("/var/lib/docker/165536.165537")), None);
    }
}
