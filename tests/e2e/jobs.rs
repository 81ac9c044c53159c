//! Job files of the tests.

use std::path::{Path, PathBuf};

/// A job of small shell tasks.
pub struct Shell<'a> {
    pub name: &'a str,
    pub image: &'a str,
    pub script: &'a str,
    pub tasks: u32,
    pub leases: u16,
    /// Lines of the `[resources]` section beside the usual ones.
    pub resources: &'a str,
    pub maximum_price: &'a str,
    pub start_window: &'a str,
}

impl Default for Shell<'_> {
    fn default() -> Self {
        Self {
            name: "probe",
            image: "millrace/probe:1",
            script: "echo task {task}; echo $MILLRACE_TASK_INDEX > /outputs/{task}.txt",
            tasks: 3,
            leases: 3,
            resources: "",
            maximum_price: "2.00",
            start_window: "10m",
        }
    }
}

impl Shell<'_> {
    /// Writes the job file.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join(format!("{}.toml", self.name));
        let text = format!(
            r#"name = "{}"
image = "{}"
command = ["sh", "-c", {:?}]

[tasks]
count = {}
time_limit = "1m"
retries = 1

[resources]
cpus = "0.25"
memory = "32MiB"
disk = "64MiB"
accept_simulated_gpus = true
{}

[budget]
maximum_price = "{}"
lease = "10m"
concurrent_leases = {}
start_window = "{}"
retries = 3
"#,
            self.name,
            self.image,
            self.script,
            self.tasks,
            self.resources,
            self.maximum_price,
            self.leases,
            self.start_window
        );
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// The demo's own animation, smaller: 24 frames of 160 x 120 in well under a second each.
pub fn animation(folder: &Path) -> PathBuf {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/render");
    let text = std::fs::read_to_string(example.join("job.toml")).unwrap();
    let text = text.replace("+W320", "+W160").replace("+H240", "+H120").replace("lease = \"30m\"", "lease = \"10m\"");
    assert!(text.contains("+W160") && text.contains("lease = \"10m\""), "the example changed");
    std::fs::copy(example.join("scene.pov"), folder.join("scene.pov")).unwrap();
    let path = folder.join("animation.toml");
    std::fs::write(&path, text).unwrap();
    path
}
