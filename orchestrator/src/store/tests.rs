use millrace_protocol::Address;
use millrace_scheduler::{MemberTaskRecord, Record, Task, TaskRecord, TaskState};

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
    store.write(&[task(0, TaskState::Pending), task(1, TaskState::Pending)]).await.unwrap();
    store.write(&[task(1, done)]).await.unwrap();
    let own = |state| {
        let task = Task { state, ..Task::default() };
        Record::MemberTask(Box::new(MemberTaskRecord { lease: Address([3; 32]), number: 1, task }))
    };
    store.write(&[own(TaskState::Pending)]).await.unwrap();
    store.write(&[own(done)]).await.unwrap();
    store.close().await;
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.read().await.unwrap(), [task(0, TaskState::Pending), task(1, done), own(done)]);
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
