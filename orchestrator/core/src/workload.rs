use millrace_protocol::{Address, Seconds};
use millrace_spec::{After, Gang, JobSpec, Retry, Runtime, Service, Shape, Version};
use serde::{Deserialize, Serialize};

/// What the scheduler needs to know of a job's spec; the rest of it is the worker's business.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Workload {
    /// The job's name, for people.
    pub name: String,
    /// Number of tasks, at least one.
    pub tasks: u32,
    /// How often a task may fail by the buyer's own fault before the job fails.
    pub task_retries: u32,
    /// How long one task's container may run; none where nothing but its lease ends it.
    #[serde(default)]
    pub task_seconds: Option<Seconds>,
    /// Thousandths of a CPU.
    pub cpu_milli: u32,
    pub memory_mib: u32,
    pub disk_mib: u32,
    /// Image reference: nodes that have it already win ties.
    pub image: String,
    #[serde(default)]
    pub placement: Placement,
    /// None for tasks that run one by one, as nodes are there.
    #[serde(default)]
    pub shape: Option<Shape>,
    /// Jobs that come first.
    #[serde(default)]
    pub after: Vec<After>,
    /// None where a task that failed runs again at once.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// None for whatever a node's engine runs containers with.
    #[serde(default)]
    pub runtime: Option<Runtime>,
}

impl Workload {
    pub fn service(&self) -> Option<&Service> {
        match &self.shape {
            Some(Shape::Service(service)) => Some(service),
            Some(Shape::Gang(_)) | None => None,
        }
    }

    pub fn gang(&self) -> Option<&Gang> {
        match &self.shape {
            Some(Shape::Gang(gang)) => Some(gang),
            Some(Shape::Service(_)) | None => None,
        }
    }
}

/// What a buyer may ask of a placement that the chain does not enforce.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Placement {
    /// ISO 3166-1 alpha-2, upper case; empty accepts every country.
    pub countries: Vec<[u8; 2]>,
    /// Only nodes of these; empty accepts every provider.
    pub providers: Vec<Address>,
    /// No nodes of these.
    pub denied_providers: Vec<Address>,
    /// Whether each live lease of the job must be with another provider.
    pub different_providers: bool,
    /// Orders the jobs of one buyer, the highest first. It wins nothing from other buyers who hold less.
    pub priority: u8,
    /// Nodes bid for its leases in sealed auctions.
    #[serde(default)]
    pub auction: bool,
    #[serde(default)]
    pub minimum_cuda: Version,
    #[serde(default)]
    pub minimum_driver: Version,
}

impl From<&JobSpec> for Workload {
    fn from(spec: &JobSpec) -> Self {
        Self {
            name: spec.name.clone(),
            tasks: spec.tasks,
            task_retries: u32::from(spec.task_retries),
            task_seconds: (!matches!(spec.shape, Some(Shape::Service(_)))).then_some(Seconds(spec.limits.task_seconds)),
            cpu_milli: spec.limits.cpu_milli,
            memory_mib: spec.limits.memory_mib,
            disk_mib: spec.limits.disk_mib,
            image: spec.image.clone(),
            placement: spec.placement.as_ref().map(Placement::from).unwrap_or_default(),
            shape: spec.shape,
            after: spec.after.clone().unwrap_or_default(),
            retry: spec.retry.clone(),
            runtime: spec.runtime,
        }
    }
}

impl From<&millrace_spec::Placement> for Placement {
    fn from(asked: &millrace_spec::Placement) -> Self {
        Self {
            countries: asked.countries.iter().map(|country| country.0).collect(),
            providers: asked.providers.clone(),
            denied_providers: asked.denied_providers.clone(),
            different_providers: asked.different_providers,
            priority: asked.priority,
            auction: asked.auction,
            minimum_cuda: asked.minimum_cuda,
            minimum_driver: asked.minimum_driver,
        }
    }
}
