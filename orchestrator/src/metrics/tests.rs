use std::time::Duration;

use millrace_client::{Seen, SeenEndpoint, Sight};
use millrace_metrics::text;
use millrace_protocol::Address;
use millrace_scheduler::{Action, Cause, ChallengeResult, Event, Lapse, Notice, OpenFailure, Transaction};

use super::Counters;
use super::families::registry;
use super::snapshot::{Shell, Snapshot};
use super::tally::TaskCounts;

const JOB: Address = Address([4; 32]);
const LEASE: Address = Address([3; 32]);

fn counters() -> Counters {
    let counters = Counters::default();
    let cause = || Cause { code: "insufficient-sol".to_owned(), message: String::new(), hint: String::new() };
    let opened = Transaction::OpenLease { job: JOB, offer: 1 };
    let settled = Transaction::Settle { lease: LEASE, sequence: 2 };
    for event in [
        Event::WorkerConnected { node: JOB, session: 1, images: [].into(), held: Vec::new() },
        Event::OfferFailed { job: JOB, offer: 1, failure: OpenFailure::Refused(cause()) },
        Event::OfferFailed { job: JOB, offer: 1, failure: OpenFailure::Unanswered },
        Event::TransactionDone { transaction: opened, signature: String::new() },
        Event::TransactionDone { transaction: settled, signature: String::new() },
        Event::TransactionDone { transaction: settled, signature: String::new() },
        Event::TransactionFailed { transaction: opened, cause: cause() },
        Event::ChallengeEnded { node: JOB, challenge: 1, result: ChallengeResult::Refused(cause()) },
        Event::ChallengeEnded { node: JOB, challenge: 2, result: ChallengeResult::GivenUp },
        Event::Tick,
    ] {
        counters.seen(&event);
        counters.decided(Duration::from_micros(50));
    }
    for notice in [
        Notice::ResultsEqual { job: JOB, task: 1 },
        Notice::ResultsEqual { job: JOB, task: 2 },
        Notice::ResultsDiffer { job: JOB, task: 3, first: LEASE, second: LEASE },
        Notice::CheckLapsed { job: JOB, task: 4, reason: Lapse::WindowOver },
        Notice::WorkerSilent { node: JOB, lease: LEASE },
    ] {
        counters.acted(&Action::Notice(notice));
    }
    counters.wrote(Duration::from_millis(2));
    counters
}

fn scrape() -> String {
    let core = Snapshot {
        connected: 7,
        nodes: [1, 2, 3, 4, 5, 6],
        units: (40, 30),
        jobs: [1, 2, 3, 4, 5],
        tasks: TaskCounts { pending: 10, active: 20, done: 30, failed: 1 },
        queued: 3,
        oldest_wait: 61,
        leases: 22,
        counters: counters(),
        sight: Some(Sight::Delayed),
    };
    let endpoints = vec![
        SeenEndpoint { is_late: false, behind: Some(0) },
        SeenEndpoint { is_late: true, behind: Some(17) },
        SeenEndpoint { is_late: false, behind: None },
    ];
    let shell = Shell {
        waiting: 2,
        received_bytes: 4_096,
        deleted: (3, 1_024),
        lamports: Some(1_500_000_000),
        seen: Seen { slot: 300_000_000, age: Duration::from_millis(400), endpoints },
        journal_bytes: 65_536,
        free_bytes: Some(1_000_000),
    };
    text(&registry(&core, &shell))
}

#[test]
fn a_scrape_is_as_reviewed() {
    // Samples of one metric come in any order.
    let mut lines: Vec<String> = scrape().lines().map(str::to_owned).collect();
    lines.chunk_by_mut(|a, b| a.starts_with('#') == b.starts_with('#')).for_each(|metric| {
        if !metric[0].starts_with('#') && !metric[0].contains("_bucket{") {
            metric.sort_unstable();
        }
    });
    insta::assert_snapshot!(lines.join("\n"));
}

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/orchestrator.md")).unwrap()
}

/// The names of samples, without what a histogram adds to its own.
fn served() -> Vec<String> {
    let (text, mut names) = (scrape(), Vec::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap().strip_prefix("millrace_orchestrator_").unwrap();
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        names.push(of_histogram.unwrap_or(name).to_owned());
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Each metric has its line in the table of docs/orchestrator.md, and the table names no other.
#[test]
fn every_metric_is_documented() {
    let page = page();
    let mut documented: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `millrace_orchestrator_")?.split(['{', '`']).next())
        .map(str::to_owned)
        .collect();
    documented.sort_unstable();
    assert_eq!(documented, served());
}

/// That an alert fires when it should is tried by nobody here; that it names what is there is.
#[test]
fn alerts_name_metrics_that_exist() {
    let (page, served) = (page(), served());
    let expressions: Vec<&str> = page.lines().filter_map(|line| line.trim_start().strip_prefix("expr: ")).collect();
    assert!(!expressions.is_empty());
    for expression in expressions {
        let names: Vec<&str> = expression
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter_map(|word| word.strip_prefix("millrace_orchestrator_"))
            .collect();
        assert!(names.iter().all(|name| served.iter().any(|known| known == name)), "{expression}");
        assert!(!names.is_empty() || expression.starts_with("up{"), "{expression}");
    }
}
