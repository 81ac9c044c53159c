use millrace_protocol::Address;
use millrace_scheduler::{Forgotten, MemberTaskRecord, Record, Task, TaskRecord, TaskState};

use super::*;

fn task(number: u32, state: TaskState) -> Record {
    let task = Task { state, ..Task::default() };
    Record::Task(Box::new(TaskRecord { job: Address([1; 32]), opened_slot: 1, number, task }))
}

#[tokio::test]
async fn records_replace_earlier_ones_and_survive_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.sqlite");
    let store = Store::open(&path).await.unwrap();
    let done = TaskState::Done { lease: Address([2; 32]) };
    store.write(&[task(0, TaskState::Pending), task(1, TaskState::Pending)].map(Change::Put)).await.unwrap();
    store.write(&[Change::Put(task(1, done))]).await.unwrap();
    let own = |state| {
        let task = Task { state, ..Task::default() };
        Record::MemberTask(Box::new(MemberTaskRecord { lease: Address([3; 32]), number: 1, task }))
    };
    store.write(&[Change::Put(own(TaskState::Pending))]).await.unwrap();
    store.write(&[Change::Put(own(done))]).await.unwrap();
    store.close().await;
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.read().await.unwrap(), [task(0, TaskState::Pending), task(1, done), own(done)]);
}

const JOB: Address = Address([1; 32]);

/// A job with two tasks, an auction and two leases, each of which has a task of its own, as rows.
async fn fill(store: &Store, job: Address, leases: [Address; 2]) {
    let rows = |table: &str, key: &str, keys: &[(Address, u32)]| {
        let values = keys.iter().map(|(address, number)| format!("('{address}', {number}, '{{}}')"));
        format!("INSERT INTO {table} ({key}, number, body) VALUES {};", values.collect::<Vec<_>>().join(", "))
    };
    let members = leases.map(|lease| (lease, 0));
    let sql = [
        format!("INSERT INTO jobs (job, body) VALUES ('{job}', '{{}}');"),
        format!("INSERT INTO leases (lease, body) VALUES ('{}', '{{}}'), ('{}', '{{}}');", leases[0], leases[1]),
        rows("tasks", "job", &[(job, 0), (job, 1)]),
        rows("auctions", "job", &[(job, 0)]),
        rows("member_tasks", "lease", &members),
    ];
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.concat())).execute(&store.pool).await.unwrap();
}

/// How many rows there are of jobs, tasks, auctions, leases and members' tasks.
async fn count(store: &Store) -> [i64; 5] {
    let mut counts = [0; 5];
    for (count, table) in counts.iter_mut().zip(["jobs", "tasks", "auctions", "leases", "member_tasks"]) {
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        *count = sqlx::query_scalar(sql).fetch_one(&store.pool).await.unwrap();
    }
    counts
}

#[tokio::test]
async fn a_forgotten_jobs_rows_are_gone_and_others_stay_also_once_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.sqlite");
    let store = Store::open(&path).await.unwrap();
    let leases = |byte| [Address([byte; 32]), Address([byte + 1; 32])];
    fill(&store, JOB, leases(10)).await;
    fill(&store, Address([2; 32]), leases(20)).await;
    assert_eq!(count(&store).await, [2, 4, 2, 4, 4]);
    let forgotten = |leases: &[Address], is_replaced| {
        Change::Delete(Forgotten { job: JOB, opened_slot: 1, leases: leases.to_vec(), is_replaced })
    };
    store.write(&[forgotten(&leases(10)[..1], true)]).await.unwrap();
    assert_eq!(count(&store).await, [2, 4, 2, 3, 3], "the later job keeps its own");
    // What is written after it is of another job at the same address.
    let task = || task(7, TaskState::Pending);
    store.write(&[Change::Put(task()), forgotten(&leases(10), false), Change::Put(task())]).await.unwrap();
    store.close().await;
    let store = Store::open(&path).await.unwrap();
    assert_eq!(count(&store).await, [1, 3, 1, 2, 2]);
    let of_it: Vec<i64> = sqlx::query_scalar("SELECT number FROM tasks WHERE job = ?1")
        .bind(JOB.to_string())
        .fetch_all(&store.pool)
        .await
        .unwrap();
    assert_eq!(of_it, [7]);
}

#[tokio::test]
async fn the_journal_is_safe_against_power_loss() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("journal.sqlite")).await.unwrap();
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.pool).await.unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&store.pool).await.unwrap();
    assert_eq!((mode.as_str(), synchronous), ("wal", 2));
}

#[tokio::test]
async fn a_journal_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.sqlite");
    let store = Store::open(&path).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&store.pool).await.unwrap();
    store.close().await;
    let error = Store::open(&path).await.err().unwrap();
    assert_eq!(error.code(), "journal-too-new");
}

#[tokio::test]
async fn a_damaged_record_and_a_foreign_file_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.sqlite");
    let store = Store::open(&path).await.unwrap();
    sqlx::raw_sql("INSERT INTO jobs (job, body) VALUES ('x', '{}')").execute(&store.pool).await.unwrap();
    assert_eq!(store.read().await.unwrap_err().code(), "journal-corrupt");
    let foreign = folder.path().join("foreign");
    std::fs::write(&foreign, vec![b'x'; 4096]).unwrap();
    assert_eq!(Store::open(&foreign).await.err().unwrap().code(), "journal-unusable");
}
