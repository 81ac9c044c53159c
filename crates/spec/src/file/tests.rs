use millrace_protocol::{
    BasisPoints, Diagnostic as _, HardwareClass, MicroUsdc, Payment, Seconds, ServiceLevel, Verification,
};

use super::*;

mod sealing;
mod shapes;

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

#[test]
fn a_spec_that_is_longer_than_the_network_reads_is_refused_and_one_that_fills_it_is_not() {
    let spec = |pad: usize| {
        let file = JobFile::parse(&format!("{GOOD}PAD = \"{}\"\n", "x".repeat(pad)))?;
        file.resolve(&BTreeMap::from([(
            "scene.pov".to_owned(),
            ObjectRef { sha256: crate::sha256(b"scene"), size: 5 },
        )]))
    };
    let longest = usize::try_from(JobSpec::LONGEST).unwrap();
    let rest = spec(0).unwrap().canonical_bytes().len();
    let full = spec(longest - rest).unwrap().canonical_bytes();
    assert_eq!(full.len(), longest);
    assert!(JobSpec::from_canonical(&full).is_ok());
    let error = spec(longest - rest + 1).unwrap_err();
    assert_eq!(error, Error::TooLong { bytes: JobSpec::LONGEST + 1 });
    assert_eq!(error.code(), "job-spec-too-long");
}

#[test]
fn inputs_that_leave_a_task_nothing_of_its_disk_are_refused_and_a_byte_less_is_not() {
    let file = with("[inputs]", "[inputs]\n\"sky.png\" = \"sky.png\"").unwrap();
    let spec = |scene: u64, sky: u64| {
        let object = |size: u64| ObjectRef { sha256: crate::sha256(b"x"), size };
        file.resolve(&BTreeMap::from([("scene.pov".to_owned(), object(scene)), ("sky.png".to_owned(), object(sky))]))
    };
    let disk = 1_073_741_824;
    let whole = spec(disk - 2, 1).unwrap();
    assert_eq!(JobSpec::from_canonical(&whole.canonical_bytes()), Ok(whole));
    assert_eq!(spec(disk - 1, 1), Err(Error::InputsFillDisk { inputs: disk, disk_mib: 1_024 }));
    assert_eq!(spec(u64::MAX, 1), Err(Error::InputsFillDisk { inputs: u64::MAX, disk_mib: 1_024 }));

    let error = spec(5 * disk, 1).unwrap_err();
    assert_eq!(error.code(), "job-inputs-fill-disk");
    let cause =
        "the inputs have 5368709121 bytes, and `resources.disk` of 1024MiB has 1073741824 for inputs and outputs";
    assert_eq!(error.to_string(), cause);
    assert_eq!(error.hint(), "raise `resources.disk` to at least 5121MiB, and by what a task writes");
}

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
fn what_is_left_out_is_the_plain_job() {
    let terms = *JobFile::parse(GOOD).unwrap().terms();
    assert_eq!((terms.spot, terms.service_level), (false, ServiceLevel::None));
    assert_eq!((terms.payment, terms.dispute_window), (Payment::Streaming, Seconds::ZERO));
    assert_eq!(terms.verification, Verification::Attested);
    assert_eq!(JobFile::parse(GOOD).unwrap().attestor(), None);
}

#[test]
fn each_kind_of_job_can_be_asked_for() {
    let file =
        with("lease = \"30m\"", "lease = \"30m\"\nspot = true\npayment = \"on-result\"\ndispute_window = \"2h\"");
    let terms = *file.unwrap().terms();
    assert_eq!((terms.spot, terms.payment, terms.dispute_window), (true, Payment::OnResult, Seconds(7_200)));
    let terms = *with("gpus = 1", "gpus = 1\nservice_level = \"gold\"").unwrap().terms();
    assert_eq!(terms.service_level, ServiceLevel::Gold);
    let key = millrace_protocol::PROGRAM_ID;
    let file = verified(&format!("attestor = \"{key}\"")).unwrap();
    assert_eq!(file.attestor().unwrap().to_string(), key);
    assert_eq!(file.terms().verification, Verification::Attested);
}

/// `GOOD` with a verification table, without its own number of leases.
fn verified(lines: &str) -> Result<JobFile, Error> {
    JobFile::parse(&format!("{}\n[verification]\n{lines}\n", GOOD.replace("concurrent_leases = 3\n", "")))
}

#[test]
fn every_policy_comes_with_what_it_needs() {
    let terms = |lines: &str| {
        let file = verified(lines).unwrap();
        let spec = file.resolve(&BTreeMap::from([("scene.pov".to_owned(), object())])).unwrap();
        assert_eq!(JobSpec::from_canonical(&spec.canonical_bytes()).as_ref(), Ok(&spec));
        spec.terms
    };
    let spot_check = terms("policy = \"spot-check\"");
    assert_eq!(spot_check.verification, Verification::SpotCheck { share: BasisPoints(1_000) });
    assert_eq!((spot_check.payment, spot_check.dispute_window), (Payment::Streaming, Seconds(3_600)));
    let one = spot_check.worst_case().unwrap();
    assert_eq!(spot_check.deposit, MicroUsdc(2 * one.0), "the share, rounded up to a lease");
    let long = GOOD.replace("lease = \"30m\"", "lease = \"2h\"")
        + "\n[verification]\npolicy = \"spot-check\"\nshare = \"100%\"\n";
    let long = *JobFile::parse(&long).unwrap().terms();
    assert_eq!((long.lease_seconds, long.dispute_window), (Seconds(7_200), Seconds(8_100)));
    assert_eq!(long.deposit.0, 6 * long.worst_case().unwrap().0);
    let quorum = terms("policy = \"quorum\"\nneeded = 3\nsize = 5");
    assert_eq!(quorum.verification, Verification::Quorum { needed: 3, size: 5 });
    assert_eq!((quorum.payment, quorum.concurrent_leases), (Payment::OnResult, 5));
    assert_eq!((quorum.deposit, quorum.dispute_window), (MicroUsdc(6_250_000), Seconds::ZERO));
    let default = terms("policy = \"quorum\"");
    assert_eq!(default.verification, Verification::Quorum { needed: 2, size: 3 });
    for (lines, class) in [
        ("policy = \"attested-hardware\"", HardwareClass::Challenged),
        ("policy = \"attested-hardware\"\nhardware = \"enclave\"", HardwareClass::Enclave),
    ] {
        assert_eq!(terms(lines).verification, Verification::AttestedHardware { class });
    }
}

#[test]
fn pay_on_result_leaves_an_hour_to_object() {
    let terms = *with("lease = \"30m\"", "lease = \"30m\"\npayment = \"on-result\"").unwrap().terms();
    assert_eq!(terms.dispute_window, Seconds(3_600));
}

#[test]
fn a_verification_that_contradicts_itself_is_told_by_its_field() {
    for (lines, named) in [
        ("policy = \"trust\"", "verification.policy"),
        ("share = \"5%\"", "verification.share"),
        ("needed = 2", "verification.needed"),
        ("policy = \"spot-check\"\nsize = 3", "verification.size"),
        ("policy = \"quorum\"\nhardware = \"enclave\"", "verification.hardware"),
        ("policy = \"spot-check\"\nshare = \"0%\"", "verification.share"),
        ("policy = \"spot-check\"\nshare = \"101%\"", "verification.share"),
        ("policy = \"spot-check\"\nshare = \"5\"", "verification.share"),
        ("policy = \"quorum\"\nneeded = 2\nsize = 4", "verification.size"),
        ("policy = \"quorum\"\nneeded = 1\nsize = 1", "verification.size"),
        ("policy = \"quorum\"\nneeded = 5\nsize = 8", "verification.size"),
        ("policy = \"attested-hardware\"\nhardware = \"claimed\"", "verification.hardware"),
        ("attestor = \"me\"", "verification.attestor"),
    ] {
        match verified(lines) {
            Err(Error::Field { field, .. }) => assert_eq!(field, named, "{lines}"),
            other => panic!("{lines}: {other:?}"),
        }
    }
}

#[test]
fn a_budget_that_its_verification_rules_out_is_told_by_its_field() {
    let quorum = "[verification]\npolicy = \"quorum\"\n[inputs]";
    let spot_check = "[verification]\npolicy = \"spot-check\"\n[inputs]";
    for (verification, lines, named) in [
        (quorum, "payment = \"streaming\"\nconcurrent_leases = 3", "budget.payment"),
        (quorum, "concurrent_leases = 2", "budget.concurrent_leases"),
        (quorum, "dispute_window = \"1h\"", "budget.dispute_window"),
        (spot_check, "dispute_window = \"0s\"", "budget.dispute_window"),
    ] {
        let text = GOOD.replace("concurrent_leases = 3", lines).replace("[inputs]", verification);
        match JobFile::parse(&text) {
            Err(Error::Field { field, .. }) => assert_eq!(field, named, "{lines}"),
            other => panic!("{lines}: {other:?}"),
        }
    }
}

#[test]
fn canonical_bytes_have_one_form() {
    let spec = JobFile::parse(GOOD).unwrap().resolve(&BTreeMap::from([("scene.pov".to_owned(), object())])).unwrap();
    let text = String::from_utf8(spec.canonical_bytes()).unwrap();
    assert!(
        text.starts_with(r#"{"command":["povray","+SF{task1}"],"env":{"QUALITY":"9"},"image":"millrace/povray:1""#),
        "{text}"
    );
    let terms = r#""terms":{"requirements":{"gpu_classes":1048832,"vram_mib":8192,"units":1,"regions":0,"accept_simulated":true},"maximum_price":2500000,"concurrent_leases":3,"lease_seconds":1800,"start_window":900,"retries":2,"deposit":3750000,"spot":false,"service_level":"none","payment":"streaming","verification":"attested","dispute_window":0}}"#;
    assert!(text.ends_with(terms), "{text}");
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
        ("lease = \"30m\"", "lease = \"30m\"\npayment = \"later\"", "budget.payment"),
        ("lease = \"30m\"", "lease = \"30m\"\ndispute_window = \"8d\"", "budget.dispute_window"),
        ("lease = \"30m\"", "lease = \"30m\"\ndispute_window = \"soon\"", "budget.dispute_window"),
        ("gpus = 1", "gpus = 1\nservice_level = \"best\"", "resources.service_level"),
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
    assert_eq!(with("lease = \"30m\"", "lease = \"31d\""), Err(Error::Terms(millrace_protocol::Error::TermsInvalid)));
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
