use std::collections::BTreeMap;
use std::path::PathBuf;

use millrace_protocol::{GpuUnits, JobTerms, MicroUsdc, PricePerGpuHour, Requirements, gpu, region};
use serde::Deserialize;

use crate::quantity::{parse_mib, parse_seconds, parse_usdc};
use crate::{Error, JobSpec, Limits, ObjectRef};

/// A parsed and validated job file. Inputs are still local paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFile {
    /// By path under `/inputs`; relative to the job file.
    pub inputs: BTreeMap<String, PathBuf>,
    /// The spec with no inputs yet.
    spec: JobSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    name: String,
    image: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    network: bool,
    tasks: Tasks,
    resources: Resources,
    budget: Budget,
    #[serde(default)]
    inputs: BTreeMap<String, PathBuf>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tasks {
    count: u32,
    time_limit: String,
    #[serde(default = "two")]
    retries: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resources {
    #[serde(default = "one_unit")]
    gpus: u16,
    #[serde(default)]
    gpu_models: Vec<String>,
    vram: Option<String>,
    #[serde(default)]
    regions: Vec<String>,
    cpus: String,
    memory: String,
    disk: String,
    #[serde(default = "default_pids")]
    pids: u32,
    #[serde(default)]
    accept_simulated_gpus: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    maximum_price: String,
    lease: String,
    deposit: Option<String>,
    #[serde(default = "one_unit")]
    concurrent_leases: u16,
    #[serde(default = "default_start_window")]
    start_window: String,
    #[serde(default = "two")]
    retries: u16,
}

fn one_unit() -> u16 {
    1
}

fn two() -> u16 {
    2
}

fn default_pids() -> u32 {
    256
}

fn default_start_window() -> String {
    "15m".to_owned()
}

fn wrong(field: &'static str, value: &str, expected: &'static str) -> Error {
    Error::Field { field, value: value.to_owned(), expected }
}

impl JobFile {
    /// Parses TOML. A `deposit` left out is the worst case of all concurrent leases.
    ///
    /// # Errors
    /// [`Error::Syntax`], [`Error::Field`], [`Error::Terms`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let document: Document =
            toml::from_str(text).map_err(|error| Error::Syntax(error.to_string().trim_end().to_owned()))?;
        let terms = terms(&document.resources, &document.budget)?;
        let resources = &document.resources;
        let size =
            |field, text: &str| parse_mib(text).ok_or_else(|| wrong(field, text, "a size such as `512MiB` or `8GiB`"));
        let time_limit = parse_seconds(&document.tasks.time_limit).ok_or_else(|| {
            wrong("tasks.time_limit", &document.tasks.time_limit, "a duration such as `90s` or `15m`")
        })?;
        let spec = JobSpec {
            command: document.command,
            env: document.env,
            image: document.image,
            inputs: BTreeMap::new(),
            limits: Limits {
                cpu_milli: parse_cpu_milli(&resources.cpus)
                    .ok_or_else(|| wrong("resources.cpus", &resources.cpus, "a number of CPUs such as `1` or `0.5`"))?,
                disk_mib: size("resources.disk", &resources.disk)?,
                memory_mib: size("resources.memory", &resources.memory)?,
                pids: resources.pids,
                task_seconds: time_limit.0,
            },
            name: document.name,
            network: document.network,
            task_retries: document.tasks.retries,
            tasks: document.tasks.count,
            terms,
        };
        let file = Self { inputs: document.inputs, spec };
        // Checks everything but the contents of inputs, which nobody has read yet.
        let empty = crate::sha256(b"");
        let placeholder = ObjectRef { sha256: empty, size: 0 };
        file.resolve(&file.inputs.keys().map(|path| (path.clone(), placeholder)).collect())?;
        Ok(file)
    }

    /// The spec, once every input is known by its content.
    ///
    /// # Errors
    /// [`Error::InputUnresolved`], [`Error::Field`], [`Error::Terms`].
    pub fn resolve(&self, objects: &BTreeMap<String, ObjectRef>) -> Result<JobSpec, Error> {
        let mut spec = self.spec.clone();
        for path in self.inputs.keys() {
            let object = objects.get(path).ok_or_else(|| Error::InputUnresolved(path.clone()))?;
            spec.inputs.insert(path.clone(), *object);
        }
        spec.check()?;
        Ok(spec)
    }

    pub fn name(&self) -> &str {
        &self.spec.name
    }

    pub fn terms(&self) -> &JobTerms {
        &self.spec.terms
    }
}

fn terms(resources: &Resources, budget: &Budget) -> Result<JobTerms, Error> {
    let mut gpu_classes = 0;
    for model in &resources.gpu_models {
        let class = gpu::class(model).and_then(gpu::bit);
        gpu_classes |= class
            .ok_or_else(|| wrong("resources.gpu_models", model, "a model that `millrace node add --help` lists"))?;
    }
    let mut regions = 0;
    for name in &resources.regions {
        let bit = region::region(name).and_then(region::bit);
        regions |=
            bit.ok_or_else(|| wrong("resources.regions", name, "a region that `millrace node add --help` lists"))?;
    }
    let money = |field, text: &str| {
        parse_usdc(text).ok_or_else(|| wrong(field, text, "USDC with at most six decimals, such as `2.50`"))
    };
    let duration = |field, text: &str| {
        parse_seconds(text).ok_or_else(|| wrong(field, text, "a duration such as `90s`, `15m` or `2h`"))
    };
    let vram = resources.vram.as_deref().unwrap_or("0MiB");
    let mut terms = JobTerms {
        requirements: Requirements {
            gpu_classes,
            vram_mib: parse_mib(vram).ok_or_else(|| wrong("resources.vram", vram, "a size such as `8GiB`"))?,
            units: GpuUnits(resources.gpus),
            regions,
            accept_simulated: resources.accept_simulated_gpus,
        },
        maximum_price: PricePerGpuHour(money("budget.maximum_price", &budget.maximum_price)?.0),
        concurrent_leases: budget.concurrent_leases,
        lease_seconds: duration("budget.lease", &budget.lease)?,
        start_window: duration("budget.start_window", &budget.start_window)?,
        retries: budget.retries,
        deposit: MicroUsdc::ZERO,
    };
    terms.deposit = match &budget.deposit {
        Some(text) => money("budget.deposit", text)?,
        None => {
            let all = terms.worst_case()?.0.checked_mul(u64::from(terms.concurrent_leases));
            MicroUsdc(all.ok_or(millrace_protocol::Error::Overflow)?)
        }
    };
    Ok(terms)
}

/// `"0.5"` CPUs are 500: three decimals at most.
fn parse_cpu_milli(text: &str) -> Option<u32> {
    let micro = parse_usdc(text)?.0;
    (micro % 1_000 == 0).then(|| u32::try_from(micro / 1_000).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_protocol::{Diagnostic as _, Seconds};

    const GOOD: &str = r#"
name = "frames"
image = "millrace/povray:1"
command = ["povray", "+SF{task1}"]

[tasks]
count = 24
time_limit = "2m"

[resources]
gpus = 1
gpu_models = ["rtx-4090", "l40s"]
vram = "8GiB"
cpus = "0.5"
memory = "512MiB"
disk = "1GiB"
accept_simulated_gpus = true

[budget]
maximum_price = "2.50"
lease = "30m"
concurrent_leases = 3

[inputs]
"scene.pov" = "scene.pov"

[env]
QUALITY = "9"
"#;

    fn with(from: &str, to: &str) -> Result<JobFile, Error> {
        assert!(GOOD.contains(from), "{from}");
        JobFile::parse(&GOOD.replace(from, to))
    }

    fn object() -> ObjectRef {
        ObjectRef { sha256: crate::sha256(b"x"), size: 1 }
    }

    #[test]
    fn a_whole_file_becomes_a_spec() {
        let file = JobFile::parse(GOOD).unwrap();
        let spec = file.resolve(&BTreeMap::from([("scene.pov".to_owned(), object())])).unwrap();
        assert_eq!(spec.limits.cpu_milli, 500);
        assert_eq!(spec.terms.lease_seconds, Seconds(1_800));
        assert_eq!(spec.terms.requirements.gpu_classes, 1 << 8 | 1 << 20);
        assert_eq!(spec.terms.deposit, MicroUsdc(3_750_000), "three leases of half an hour at 2.50");
        assert_eq!(JobSpec::from_canonical(&spec.canonical_bytes()), Ok(spec));
    }

    #[test]
    fn canonical_bytes_have_sorted_keys_and_one_form() {
        let spec =
            JobFile::parse(GOOD).unwrap().resolve(&BTreeMap::from([("scene.pov".to_owned(), object())])).unwrap();
        let text = String::from_utf8(spec.canonical_bytes()).unwrap();
        assert!(
            text.starts_with(r#"{"command":["povray","+SF{task1}"],"env":{"QUALITY":"9"},"image":"millrace/povray:1""#),
            "{text}"
        );
        let spaced = text.replacen(':', ": ", 1);
        assert_eq!(JobSpec::from_canonical(spaced.as_bytes()), Err(Error::NotCanonical));
        let unknown = text.replacen('{', r#"{"aaa":1,"#, 1);
        assert_eq!(JobSpec::from_canonical(unknown.as_bytes()), Err(Error::NotCanonical));
    }

    #[test]
    fn syntax_errors_name_the_line() {
        let error = JobFile::parse("name = \n").unwrap_err();
        assert_eq!(error.code(), "job-file-syntax");
        assert!(error.to_string().contains("line 1"), "{error}");
        assert!(matches!(with("vram =", "vran ="), Err(Error::Syntax(_))));
        assert!(matches!(with("count = 24", "count = -1"), Err(Error::Syntax(_))));
    }

    #[test]
    fn each_field_refuses_nonsense() {
        for (from, to, field) in [
            (r#"name = "frames""#, r#"name = """#, "name"),
            ("millrace/povray:1", "two words", "image"),
            ("count = 24", "count = 0", "tasks.count"),
            ("time_limit = \"2m\"", "time_limit = \"2\"", "tasks.time_limit"),
            ("time_limit = \"2m\"", "time_limit = \"31m\"", "tasks.time_limit"),
            ("\"rtx-4090\"", "\"rtx-1\"", "resources.gpu_models"),
            ("vram = \"8GiB\"", "vram = \"8\"", "resources.vram"),
            ("cpus = \"0.5\"", "cpus = \"0.0001\"", "resources.cpus"),
            ("cpus = \"0.5\"", "cpus = \"0\"", "resources.cpus"),
            ("512MiB", "1MiB", "resources.memory"),
            ("disk = \"1GiB\"", "disk = \"0MiB\"", "resources.disk"),
            ("gpus = 1", "gpus = 1\npids = 0", "resources.pids"),
            ("gpus = 1", "gpus = 1\nregions = [\"moon\"]", "resources.regions"),
            ("2.50", "2.5000001", "budget.maximum_price"),
            ("lease = \"30m\"", "lease = \"half an hour\"", "budget.lease"),
            ("\"scene.pov\" =", "\"../scene.pov\" =", "inputs"),
            ("QUALITY", "MILLRACE_JOB", "env"),
            ("QUALITY", "\"1A\"", "env"),
        ] {
            match with(from, to) {
                Err(Error::Field { field: named, .. }) => assert_eq!(named, field, "{to}"),
                other => panic!("{to}: {other:?}"),
            }
        }
    }

    #[test]
    fn terms_are_the_protocols_own() {
        assert_eq!(with("gpus = 1", "gpus = 0"), Err(Error::Terms(millrace_protocol::Error::TermsInvalid)));
        assert_eq!(
            with("lease = \"30m\"", "lease = \"31d\""),
            Err(Error::Terms(millrace_protocol::Error::TermsInvalid))
        );
        assert_eq!(
            with("concurrent_leases = 3", "deposit = \"1.24\""),
            Err(Error::Terms(millrace_protocol::Error::DepositTooSmall)),
        );
    }

    #[test]
    fn an_input_is_a_file_under_a_name_that_file_systems_take() {
        for inputs in
            ["\"a\" = \"x\"\n\"a-b\" = \"x\"\n\"a/b\" = \"x\"".to_owned(), format!("\"{}\" = \"x\"", "n".repeat(256))]
        {
            let result = with("\"scene.pov\" = \"scene.pov\"", &inputs);
            assert!(matches!(result, Err(Error::Field { field: "inputs", .. })), "{result:?}");
        }
        assert!(with("\"scene.pov\" = \"scene.pov\"", "\"a\" = \"x\"\n\"a-b\" = \"x\"\n\"c/b\" = \"x\"").is_ok());
    }

    #[test]
    fn an_input_without_content_is_refused() {
        let file = JobFile::parse(GOOD).unwrap();
        assert_eq!(file.resolve(&BTreeMap::new()), Err(Error::InputUnresolved("scene.pov".to_owned())));
    }
}
