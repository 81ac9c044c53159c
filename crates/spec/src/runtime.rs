use serde::{Deserialize, Serialize};

/// What stands between a container and the rig's kernel, beside what stands there for every container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// A kernel of its own, in user space: the program's calls end there (<https://gvisor.dev>).
    Gvisor,
}

impl Runtime {
    pub const ALL: [Self; 1] = [Self::Gvisor];

    /// As a job file and the link name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gvisor => "gvisor",
        }
    }

    /// None for a name that this version does not know.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|runtime| runtime.name() == name)
    }
}
