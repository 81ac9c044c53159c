//! What a job asks beside its terms: placement, gangs, services.

use super::*;
use crate::{After, Condition, Country, Gang, Locality, Restart, Retry, Service, Shape, Version};

const PROVIDER: &str = "11111111111111111111111111111111";

pub(super) fn spec_of(file: &JobFile) -> JobSpec {
    let spec = file.resolve(&file.inputs.keys().map(|path| (path.clone(), object())).collect()).unwrap();
    assert_eq!(JobSpec::from_canonical(&spec.canonical_bytes()).as_ref(), Ok(&spec));
    spec
}

pub(super) fn and(lines: &str) -> Result<JobFile, Error> {
    JobFile::parse(&format!("{GOOD}\n{lines}\n"))
}

/// `GOOD` as a service instead of tasks.
fn service(lines: &str) -> Result<JobFile, Error> {
    let (before, rest) = GOOD.split_once("[tasks]").unwrap();
    let (_, after) = rest.split_once("[resources]").unwrap();
    let after = after.replace("concurrent_leases = 3\n", "");
    JobFile::parse(&format!("{before}\n[service]\n{lines}\n[resources]{after}"))
}

pub(super) fn refused(result: Result<JobFile, Error>, named: &str) {
    match result {
        Err(Error::Field { field, .. }) => assert_eq!(field, named),
        other => panic!("{named}: {other:?}"),
    }
}

#[test]
fn a_job_that_asks_for_nothing_keeps_the_form_and_the_hash_it_always_had() {
    let text = String::from_utf8(spec_of(&JobFile::parse(GOOD).unwrap()).canonical_bytes()).unwrap();
    assert!(!text.contains("placement") && !text.contains("shape"), "{text}");
    assert!(text.contains(r#""network":false,"task_retries":2,"tasks":24,"terms""#), "{text}");
    let empty = text.replacen(r#""task_retries""#, r#""placement":{},"task_retries""#, 1);
    assert!(matches!(JobSpec::from_canonical(empty.as_bytes()), Err(Error::Field { field: "placement", .. })));
    let none = text.replacen(r#""task_retries""#, r#""shape":null,"task_retries""#, 1);
    assert_eq!(JobSpec::from_canonical(none.as_bytes()), Err(Error::NotCanonical));
}

#[test]
fn a_network_is_none_or_all_or_a_list_of_destinations() {
    let with = |network: &str| JobFile::parse(&format!("network = {network}\n{GOOD}"));
    let text = |file: JobFile| String::from_utf8(spec_of(&file).canonical_bytes()).unwrap();
    assert!(text(with("false").unwrap()).contains(r#""network":false"#));
    let all = text(with("true").unwrap());
    assert!(all.contains(r#""network":true"#) && !all.contains("egress"), "{all}");
    let some = text(with(r#"["B.example.:443", "203.0.113.0/24:80", "a.example:443", "b.example:443"]"#).unwrap());
    let list = r#""egress":["203.0.113.0/24:80","a.example:443","b.example:443"],"env""#;
    assert!(some.contains(list) && some.contains(r#""network":true"#), "{some}");
    for nonsense in ["[]", r#"["example.com"]"#, r#"["*.example.com:443"]"#, r#"["https://example.com:443"]"#] {
        refused(with(nonsense), "network");
    }
    for nonsense in ["1", "\"a.example:443\"", "[1]"] {
        assert!(matches!(with(nonsense), Err(Error::Syntax(_))), "{nonsense}");
    }
    let offline = some.replacen(r#""network":true"#, r#""network":false"#, 1);
    let refused = JobSpec::from_canonical(offline.as_bytes());
    assert!(matches!(refused, Err(Error::Field { field: "network", .. })), "{refused:?}");
    let unsorted = some.replacen(r#""a.example:443","b.example:443""#, r#""b.example:443","a.example:443""#, 1);
    assert!(JobSpec::from_canonical(unsorted.as_bytes()).is_err());
}

#[test]
fn a_placement_is_written_in_one_order() {
    let lines = format!(
        "[placement]\ncountries = [\"FR\", \"DE\", \"FR\"]\nproviders = [\"{PROVIDER}\"]\ndifferent_providers = true\n\
         priority = 9"
    );
    let spec = spec_of(&and(&lines).unwrap());
    let placement = spec.placement.clone().unwrap();
    assert_eq!(placement.countries, [Country(*b"DE"), Country(*b"FR")]);
    assert!(placement.different_providers && placement.priority == 9 && placement.providers.len() == 1);
    let text = String::from_utf8(spec.canonical_bytes()).unwrap();
    let expected = format!(
        r#""network":false,"placement":{{"countries":["DE","FR"],"different_providers":true,"priority":9,"providers":["{PROVIDER}"]}},"task_retries""#
    );
    assert!(text.contains(&expected), "{text}");
    let unsorted = text.replacen(r#"["DE","FR"]"#, r#"["FR","DE"]"#, 1);
    let refused = JobSpec::from_canonical(unsorted.as_bytes());
    assert!(matches!(refused, Err(Error::Field { field: "placement.countries", .. })), "{refused:?}");
}

#[test]
fn least_versions_are_numbers_in_the_spec_and_only_there_where_they_are_asked_for() {
    let spec = spec_of(&and("[placement]\nminimum_driver = \"550\"\nminimum_cuda = \"12.4\"\npriority = 1").unwrap());
    let placement = spec.placement.as_ref().unwrap();
    assert_eq!((placement.minimum_cuda, placement.minimum_driver), (Version(12_004), Version(550_000)));
    let text = String::from_utf8(spec.canonical_bytes()).unwrap();
    let expected = r#""placement":{"minimum_cuda":12004,"minimum_driver":550000,"priority":1},"task_retries""#;
    assert!(text.contains(expected), "{text}");
    assert_eq!(JobSpec::from_canonical(text.as_bytes()), Ok(spec));
    let written_out = text.replacen("12004", "0", 1);
    assert_eq!(JobSpec::from_canonical(written_out.as_bytes()), Err(Error::NotCanonical));
    let without = text.replacen(r#""minimum_cuda":12004,"#, "", 1);
    assert_eq!(JobSpec::from_canonical(without.as_bytes()).unwrap().placement.unwrap().minimum_cuda, Version::NONE);
}

#[test]
fn an_auction_is_for_tasks_one_by_one_at_full_standing() {
    let spec = spec_of(&and("[placement]\nauction = true\npriority = 9").unwrap());
    assert!(spec.placement.as_ref().unwrap().auction);
    let text = String::from_utf8(spec.canonical_bytes()).unwrap();
    assert!(text.contains(r#""placement":{"auction":true,"priority":9},"task_retries""#), "{text}");
    let mut spot = spec.clone();
    spot.terms.spot = true;
    assert!(matches!(spot.check(), Err(Error::Field { field: "placement.auction", .. })));
    let mut gang = spec;
    gang.shape = Some(Shape::Gang(Gang { locality: Locality::Anywhere }));
    assert!(matches!(gang.check(), Err(Error::Field { field: "placement.auction", .. })));
}

#[test]
fn a_placement_refuses_nonsense() {
    for (lines, named) in [
        ("countries = [\"Germany\"]".to_owned(), "placement.countries"),
        ("countries = [\"de\"]".to_owned(), "placement.countries"),
        ("providers = [\"me\"]".to_owned(), "placement.providers"),
        ("denied_providers = [\"\"]".to_owned(), "placement.denied_providers"),
        ("minimum_cuda = \"0\"".to_owned(), "placement.minimum_cuda"),
        ("minimum_cuda = \"cuda12\"".to_owned(), "placement.minimum_cuda"),
        ("minimum_driver = \"550.54.14\"".to_owned(), "placement.minimum_driver"),
        ("minimum_driver = \"\"".to_owned(), "placement.minimum_driver"),
        (format!("providers = [\"{PROVIDER}\"]\ndenied_providers = [\"{PROVIDER}\"]"), "placement.denied_providers"),
    ] {
        refused(and(&format!("[placement]\n{lines}")), named);
    }
    for lines in ["priority = 256", "minimum_cuda = 12.4", "minimum_driver = 550"] {
        assert!(matches!(and(&format!("[placement]\n{lines}")), Err(Error::Syntax(_))), "{lines}");
    }
    let many =
        (b'A'..=b'Z').flat_map(|one| (b'A'..=b'C').map(move |two| format!("\"{}{}\"", one as char, two as char)));
    let many = many.collect::<Vec<_>>().join(",");
    refused(and(&format!("[placement]\ncountries = [{many}]")), "placement.countries");
}

#[test]
fn a_gang_runs_all_its_tasks_at_a_time() {
    let file = JobFile::parse(&format!("{}\n[gang]\n", GOOD.replace("concurrent_leases = 3\n", ""))).unwrap();
    let spec = spec_of(&file);
    assert_eq!(spec.shape, Some(Shape::Gang(Gang { locality: Locality::Region })));
    assert_eq!((spec.terms.concurrent_leases, spec.terms.deposit), (24, MicroUsdc(30_000_000)));
    let text = String::from_utf8(spec.canonical_bytes()).unwrap();
    assert!(text.contains(r#""shape":{"gang":{"locality":"region"}},"task_retries""#), "{text}");
}

#[test]
fn a_gang_refuses_nonsense() {
    let gang = |from: &str, to: &str, lines: &str| {
        let text = GOOD.replace("concurrent_leases = 3\n", "").replace(from, to);
        JobFile::parse(&format!("{text}\n[gang]\n{lines}\n"))
    };
    refused(gang("count = 24", "count = 1", ""), "tasks.count");
    refused(gang("count = 24", "count = 65", ""), "tasks.count");
    refused(gang("count = 24", "count = 100000", ""), "budget.concurrent_leases");
    refused(gang("", "", "locality = \"rack\""), "gang.locality");
    refused(and("[gang]"), "budget.concurrent_leases");
    let compared = "[verification]\npolicy = \"spot-check\"";
    refused(gang("[inputs]", &format!("{compared}\n[inputs]"), ""), "verification.policy");
    let mut spec = spec_of(&gang("", "", "").unwrap());
    spec.terms.concurrent_leases = 23;
    assert!(matches!(spec.check(), Err(Error::Field { field: "budget.concurrent_leases", .. })));
}

#[test]
fn a_service_has_replicas_and_room_for_their_successors() {
    let spec = spec_of(&service("replicas = 6").unwrap());
    assert_eq!(spec.shape, Some(Shape::Service(Service { replicas: 6, restart: Restart::Always, run_for: None })));
    assert_eq!((spec.tasks, spec.terms.concurrent_leases, spec.terms.retries), (8, 8, 1_000));
    assert_eq!((spec.limits.task_seconds, spec.task_retries), (1_800, 0));
    let text = String::from_utf8(spec.canonical_bytes()).unwrap();
    assert!(text.contains(r#""shape":{"service":{"replicas":6,"restart":"always"}},"task_retries""#), "{text}");
    let spec = spec_of(&service("replicas = 1\nsurge = 0\nrestart = \"on-failure\"\nrun_for = \"7d\"").unwrap());
    let run_for = Some(Seconds(604_800));
    assert_eq!(spec.shape, Some(Shape::Service(Service { replicas: 1, restart: Restart::OnFailure, run_for })));
    assert_eq!(spec.tasks, 1);
}

#[test]
fn a_service_refuses_nonsense() {
    refused(service("replicas = 0"), "service.replicas");
    refused(service("replicas = 2\nsurge = 3"), "service.surge");
    refused(service("replicas = 65535"), "service.replicas");
    refused(service("replicas = 1\nrestart = \"never\""), "service.restart");
    refused(service("replicas = 1\nrun_for = \"soon\""), "service.run_for");
    refused(service("replicas = 1\nrun_for = \"0s\""), "service.run_for");
    assert!(spec_of(&service("replicas = 1\nrun_for = \"3650d\"").unwrap()).check().is_ok());
    refused(service("replicas = 1\nrun_for = \"315360001s\""), "service.run_for");
    refused(service("replicas = 1\nrun_for = \"18446744073709551615s\""), "service.run_for");
    refused(service("replicas = 1\n[gang]"), "gang");
    refused(and("[service]\nreplicas = 1"), "service");
    let text = GOOD.replace("[tasks]\ncount = 24\ntime_limit = \"2m\"\n", "");
    refused(JobFile::parse(&text), "tasks");
    let mut spec = spec_of(&service("replicas = 2").unwrap());
    spec.terms.payment = Payment::OnResult;
    assert!(matches!(spec.check(), Err(Error::Field { field: "budget.payment", .. })));
}

#[test]
fn jobs_that_come_first_are_written_in_one_order_and_have_time() {
    let other = Address([1; 32]);
    let top = |lines: &str| JobFile::parse(&format!("{lines}\n{GOOD}"));
    let spec = spec_of(&top(&format!("after = [\"{other}\"]\nafter_ended = [\"{PROVIDER}\"]")).unwrap());
    let expected =
        [After { job: Address([0; 32]), on: Condition::Ended }, After { job: other, on: Condition::Completed }];
    assert_eq!((spec.after.as_deref(), spec.terms.start_window), (Some(&expected[..]), Seconds(604_800)));
    let text = String::from_utf8(spec.canonical_bytes()).unwrap();
    let start =
        format!(r#"{{"after":[{{"job":"{PROVIDER}","on":"ended"}},{{"job":"{other}","on":"completed"}}],"command""#);
    assert!(text.starts_with(&start), "{text}");
    refused(top("after = [\"job 7\"]"), "after");
    refused(top("after_ended = [\"\"]"), "after_ended");
    refused(top(&format!("after = [\"{PROVIDER}\"]\nafter_ended = [\"{PROVIDER}\"]")), "after_ended");
    let many: Vec<String> = (0..65u8).map(|number| format!("\"{}\"", Address([number; 32]))).collect();
    refused(top(&format!("after = [{}]", many.join(","))), "after");
    let mut twice = spec.clone();
    twice.after = Some(vec![expected[0], After { on: Condition::Completed, ..expected[0] }]);
    assert!(matches!(twice.check(), Err(Error::Field { field: "after", .. })));
    twice.after = Some(Vec::new());
    assert!(matches!(twice.check(), Err(Error::Field { field: "after", .. })));
}

#[test]
fn what_happens_after_a_failure_can_be_said_by_its_status() {
    let lines = "[retry]\nbackoff = \"10s\"\nfatal_exit_codes = [64, 2]\nuncounted_exit_codes = [75]";
    let spec = spec_of(&and(lines).unwrap());
    let expected = Retry {
        backoff: Seconds(10),
        fatal_exit_codes: vec![2, 64],
        longest_backoff: Seconds(300),
        uncounted_exit_codes: vec![75],
    };
    assert_eq!(spec.retry, Some(expected));
    let text = String::from_utf8(spec.canonical_bytes()).unwrap();
    let expected = r#""retry":{"backoff":10,"fatal_exit_codes":[2,64],"longest_backoff":300,"uncounted_exit_codes":[75]},"task_retries""#;
    assert!(text.contains(expected), "{text}");
    for (lines, named) in [
        ("backoff = \"soon\"", "retry.backoff"),
        ("backoff = \"1m\"\nlongest_backoff = \"30s\"", "retry.longest_backoff"),
        ("longest_backoff = \"2d\"", "retry.longest_backoff"),
        ("fatal_exit_codes = [0]", "retry.fatal_exit_codes"),
        ("uncounted_exit_codes = [75]", "retry.backoff"),
        ("backoff = \"9s\"\nuncounted_exit_codes = [75]\nfatal_exit_codes = [75]", "retry.uncounted_exit_codes"),
    ] {
        refused(and(&format!("[retry]\n{lines}")), named);
    }
    assert!(matches!(and("[retry]\nfatal_exit_codes = [256]"), Err(Error::Syntax(_))));
}

#[test]
fn what_a_task_does_at_a_notice_is_the_buyers_to_say() {
    let spot = |lines: &str| {
        let tasks = format!("count = 24\n{lines}");
        JobFile::parse(&GOOD.replace("lease = \"30m\"", "lease = \"30m\"\nspot = true").replace("count = 24", &tasks))
    };
    let text = |file: JobFile| String::from_utf8(spec_of(&file).canonical_bytes()).unwrap();
    for silent in ["", "on_notice = \"stop\""] {
        assert!(!text(spot(silent).unwrap()).contains("notice"), "{silent}");
    }
    let finishing = text(spot("on_notice = \"finish\"").unwrap());
    assert!(finishing.contains(r#""finish_on_notice":true,"image""#), "{finishing}");
    let told_twice = finishing.replace(r#""finish_on_notice":true"#, r#""finish_on_notice":false"#);
    assert_eq!(JobSpec::from_canonical(told_twice.as_bytes()), Err(Error::NotCanonical));
    refused(spot("on_notice = \"ignore\""), "tasks.on_notice");
    refused(with("count = 24", "count = 24\non_notice = \"finish\""), "tasks.on_notice");
}

#[test]
fn checkpoints_are_asked_for_and_lie_nowhere_in_the_open_that_outputs_do_not() {
    let text = |file: JobFile| String::from_utf8(spec_of(&file).canonical_bytes()).unwrap();
    let asked = text(and("[checkpoint]\nevery = \"5m\"").unwrap());
    assert!(asked.contains(r#"{"checkpoint":{"every":300},"command""#), "{asked}");
    for every in ["9s", "25h", "5", ""] {
        refused(and(&format!("[checkpoint]\nevery = \"{every}\"")), "checkpoint.every");
    }
    let compared = "[verification]\npolicy = \"spot-check\"\n[checkpoint]\nevery = \"5m\"";
    refused(and(compared), "checkpoint");
    let service = "replicas = 2\n[checkpoint]\nevery = \"5m\"";
    refused(self::service(service), "checkpoint");
    let sealed = and("[encryption]\noutputs = \"wallet\"\n[checkpoint]\nevery = \"5m\"");
    assert_eq!(sealed.unwrap_err(), Error::CheckpointUnsealed);
}

#[test]
fn outputs_of_a_running_task_are_asked_for_sealed_or_not_where_they_are_a_result() {
    let text = |file: JobFile| String::from_utf8(spec_of(&file).canonical_bytes()).unwrap();
    assert!(!text(and("").unwrap()).contains(r#""outputs""#));
    let asked = text(and("[outputs]\nevery = \"30s\"").unwrap());
    assert!(asked.contains(r#""network":false,"outputs":{"every":30},"task_retries""#), "{asked}");
    let sealed = and("[encryption]\noutputs = \"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"\n\
        [outputs]\nevery = \"1d\"");
    assert!(sealed.is_ok(), "{sealed:?}");
    for every in ["9s", "25h", "5", ""] {
        refused(and(&format!("[outputs]\nevery = \"{every}\"")), "outputs.every");
    }
    assert!(matches!(and("[outputs]\nstream = \"30s\""), Err(Error::Syntax(_))));
    for policy in ["spot-check", "quorum"] {
        let compared = format!("[verification]\npolicy = \"{policy}\"\n[outputs]\nevery = \"5m\"");
        refused(and(&compared), "outputs");
    }
    refused(self::service("replicas = 2\n[outputs]\nevery = \"5m\""), "outputs");
}
