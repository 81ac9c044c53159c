use std::collections::BTreeMap;

use millrace_protocol::Address;
use millrace_spec::{JobFile, ObjectRef, sha256};
use serde_json::{Value, json};

use crate::check;

const COUNTER: &str = include_str!("../../../../examples/counter/job.toml");
const SECRETS: &str = include_str!("../../../../examples/secrets/job.toml");
const RENDER: &str = include_str!("../../../../examples/render/job.toml");

/// Text that JSON writers and sorting tell apart: escapes, and keys whose order differs between
/// UTF-8 and UTF-16.
const AWKWARD: &str = r#"
name = "Mühle \"vier\""
image = "registry.example/awk:1"
command = ["sh", "-c", "printf 'a\tb\\n' > /outputs/\u2028 && echo \u007f\u001f"]
network = true

[tasks]
count = 1
time_limit = "10s"

[resources]
gpus = 8
gpu_models = ["other", "h100-sxm"]
vram = "80GiB"
regions = ["south-america", "africa"]
service_level = "gold"
cpus = "0.01"
memory = "8MiB"
disk = "1MiB"

[budget]
maximum_price = "0.000001"
lease = "30d"
deposit = "18446744073709.551615"

[inputs]
"b/\uFF5E" = "x"
"b/\U0001F600" = "y"
"a" = "z"

[env]
Z = ""
A = "/"
"#;

/// The counter with other terms.
fn counter_with(budget: &str, verification: &str) -> String {
    format!("{COUNTER}{budget}\n[verification]\n{verification}\n")
}

/// A spec as people hand it over: any order of keys, 64-bit numbers as text.
fn case(name: &str, text: &str) -> Value {
    let mut file = JobFile::parse(text).unwrap();
    file.seal(sha256(b"salt"), &format!("age1{}", "z".repeat(58)));
    let content = |path: &String| ObjectRef { sha256: sha256(path.as_bytes()), size: path.len() as u64 };
    let objects: BTreeMap<_, _> = file.inputs.keys().map(|path| (path.clone(), content(path))).collect();
    let spec = file.resolve(&objects).unwrap();
    let canonical = String::from_utf8(spec.canonical_bytes()).unwrap();
    json!({ "name": name, "spec": loose(serde_json::to_value(&spec).unwrap()), "canonical": canonical, "hash": spec.hash().to_string() })
}

/// Every number as text: JavaScript's own reader would round the large ones.
fn loose(value: Value) -> Value {
    match value {
        Value::Number(number) => number.to_string().into(),
        Value::Array(items) => items.into_iter().map(loose).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, field)| (name, loose(field))).collect(),
        other => other,
    }
}

#[test]
fn canonical_specs_and_their_hashes() {
    let policies = [
        ("spot check", "spot = true", "policy = \"spot-check\"\nshare = \"12.5%\""),
        ("quorum", "retries = 0", "policy = \"quorum\"\nneeded = 3\nsize = 5"),
        ("hardware", "payment = \"on-result\"", "policy = \"attested-hardware\"\nhardware = \"enclave\""),
    ];
    let with_policies = policies.map(|(name, budget, verification)| case(name, &counter_with(budget, verification)));
    let cases = [case("counter", COUNTER), case("render", RENDER), case("secrets", SECRETS), case("awkward", AWKWARD)];
    let plain = COUNTER.replace("concurrent_leases = 1\n", "");
    let provider = Address([7; 32]);
    let placement = format!(
        "auction = true\ncountries = [\"DE\", \"AT\"]\ndenied_providers = [\"{provider}\"]\ndifferent_providers = true\npriority = 3"
    );
    let (before, resources) = plain.split_once("[tasks]").unwrap();
    let resources = resources.split_once("[resources]").unwrap().1;
    let service = format!("{before}[service]\nreplicas = 3\nrun_for = \"7d\"\n[resources]{resources}");
    let shapes = [
        case("placement", &format!("{plain}\n[placement]\n{placement}\n")),
        case(
            "least versions",
            &format!("{plain}\n[placement]\nminimum_cuda = \"12.4\"\nminimum_driver = \"550.54\"\n"),
        ),
        case("gang", &format!("{plain}\n[gang]\nlocality = \"anywhere\"\n")),
        case("service", &service),
        case("checkpoints", &format!("{plain}\n[checkpoint]\nevery = \"5m\"\n")),
        case("early outputs", &format!("{plain}\n[outputs]\nevery = \"30s\"\n")),
        case(
            "runs on to the end of its notice",
            &counter_with("spot = true", "").replace("[tasks]", "[tasks]\non_notice = \"finish\""),
        ),
        case("network list", &format!("network = [\"b.example:443\", \"203.0.113.0/24:80\"]\n{plain}")),
        case("runtime", &format!("runtime = \"gvisor\"\n{plain}")),
        case(
            "sealed",
            &format!(
                "{plain}\n[secrets]\nb = \"b\"\n\"a.key\" = \"a\"\n[registry]\nusername = \"u\"\n\
                 password_file = \"p\"\n[encryption]\noutputs = \"wallet\"\n"
            ),
        ),
        case(
            "order and retries",
            &format!(
                "after = [\"{provider}\"]\nafter_ended = [\"{}\"]\n{plain}\n[retry]\nbackoff = \"10s\"\n\
                 uncounted_exit_codes = [75, 9]\n",
                Address([1; 32])
            ),
        ),
    ];
    check("tests/vectors/specs.json", &cases.into_iter().chain(with_policies).chain(shapes).collect());
}
