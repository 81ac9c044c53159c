//! The journal: the scheduler's records in SQLite. A write returns when it is on the disk.

use std::path::Path;

use millrace_protocol::Diagnostic;
use millrace_scheduler::{
    Auction, Forgotten, JobRecord, LeaseRecord, MemberTaskRecord, ProofRecord, Record, TaskRecord,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::SqliteConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use thiserror::Error;

/// Steps from an empty database to the present layout, in order; each runs once.
const MIGRATIONS: [&str; 4] = [
    include_str!("../../migrations/sql/0001_journal.sql"),
    include_str!("../../migrations/sql/0002_proofs.sql"),
    include_str!("../../migrations/sql/0003_auctions.sql"),
    include_str!("../../migrations/sql/0004_member_tasks.sql"),
];

#[derive(Debug, Error)]
pub enum Error {
    #[error("the journal's database fails")]
    Database(#[from] sqlx::Error),
    #[error("a record in the journal cannot be read")]
    Record(#[from] serde_json::Error),
    #[error("the journal was written by a later version (layout {found}, this version knows {known})")]
    TooNew { found: i64, known: usize },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Database(source) if is_full(source) => "disk-full",
            Self::Database(_) => "journal-unusable",
            Self::Record(_) => "journal-corrupt",
            Self::TooNew { .. } => "journal-too-new",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Database(source) if is_full(source) => "free some space and start again: nothing is lost".to_owned(),
            Self::Database(_) => "check that the data folder can be written and is on a local disk".to_owned(),
            Self::Record(_) => "restore the data folder from a backup, or start with an empty one".to_owned(),
            Self::TooNew { .. } => "upgrade this software".to_owned(),
        }
    }
}

/// SQLite's own code for a full disk.
fn is_full(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "13")
}

/// A change of what is on the disk.
#[derive(Debug)]
pub(crate) enum Change {
    Put(Record),
    Delete(Forgotten),
}

#[derive(Clone)]
pub(crate) struct Store {
    pool: SqlitePool,
}

impl Store {
    /// Opens the journal, or makes one.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A voucher that was sent must not be forgotten, even if the power fails.
            .synchronous(SqliteSynchronous::Full);
        // One connection: the driver is the only writer, and its writes stand in line anyway.
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        let store = Self { pool };
        store.migrate().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<(), Error> {
        let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&self.pool).await?;
        let done = usize::try_from(found).unwrap_or(usize::MAX);
        let pending = MIGRATIONS.get(done..).ok_or(Error::TooNew { found, known: MIGRATIONS.len() })?;
        for (step, sql) in (done..).zip(pending) {
            let mut transaction = self.pool.begin().await?;
            sqlx::raw_sql(*sql).execute(&mut *transaction).await?;
            let version = format!("PRAGMA user_version = {}", step + 1);
            sqlx::raw_sql(sqlx::AssertSqlSafe(version)).execute(&mut *transaction).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Makes the changes one after the other, all or none.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn write(&self, changes: &[Change]) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        for change in changes {
            match change {
                Change::Put(record) => put(&mut transaction, record).await?,
                Change::Delete(forgotten) => delete(&mut transaction, forgotten).await?,
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Everything that was written.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn read(&self) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        for body in self.bodies("SELECT body FROM jobs").await? {
            records.push(Record::Job(parse::<Box<JobRecord>>(&body)?));
        }
        for body in self.bodies("SELECT body FROM tasks").await? {
            records.push(Record::Task(parse::<Box<TaskRecord>>(&body)?));
        }
        for body in self.bodies("SELECT body FROM member_tasks").await? {
            records.push(Record::MemberTask(parse::<Box<MemberTaskRecord>>(&body)?));
        }
        for body in self.bodies("SELECT body FROM leases").await? {
            records.push(Record::Lease(parse::<Box<LeaseRecord>>(&body)?));
        }
        for body in self.bodies("SELECT body FROM proofs").await? {
            records.push(Record::Proof(parse::<Box<ProofRecord>>(&body)?));
        }
        for body in self.bodies("SELECT body FROM auctions").await? {
            records.push(Record::Auction(parse::<Box<Auction>>(&body)?));
        }
        Ok(records)
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn bodies(&self, sql: &'static str) -> Result<Vec<String>, Error> {
        Ok(sqlx::query_scalar(sql).fetch_all(&self.pool).await?)
    }
}

async fn put(connection: &mut SqliteConnection, record: &Record) -> Result<(), Error> {
    let query = match record {
        Record::Job(record) => sqlx::query("INSERT OR REPLACE INTO jobs (job, body) VALUES (?1, ?2)")
            .bind(record.job.to_string())
            .bind(json(record)?),
        Record::Task(record) => sqlx::query("INSERT OR REPLACE INTO tasks (job, number, body) VALUES (?1, ?2, ?3)")
            .bind(record.job.to_string())
            .bind(i64::from(record.number))
            .bind(json(record)?),
        Record::MemberTask(record) => {
            sqlx::query("INSERT OR REPLACE INTO member_tasks (lease, number, body) VALUES (?1, ?2, ?3)")
                .bind(record.lease.to_string())
                .bind(i64::from(record.number))
                .bind(json(record)?)
        }
        Record::Lease(record) => sqlx::query("INSERT OR REPLACE INTO leases (lease, body) VALUES (?1, ?2)")
            .bind(record.lease.to_string())
            .bind(json(record)?),
        Record::Proof(record) => sqlx::query("INSERT OR REPLACE INTO proofs (node, body) VALUES (?1, ?2)")
            .bind(record.node.to_string())
            .bind(json(record)?),
        Record::Auction(auction) => {
            sqlx::query("INSERT OR REPLACE INTO auctions (job, number, body) VALUES (?1, ?2, ?3)")
                .bind(auction.book.job.to_string())
                .bind(i64::from(auction.book.auction))
                .bind(json(auction)?)
        }
    };
    query.execute(connection).await?;
    Ok(())
}

/// Of an earlier job at the address only what is found by its leases: the other rows are the later one's.
async fn delete(connection: &mut SqliteConnection, forgotten: &Forgotten) -> Result<(), Error> {
    if !forgotten.is_replaced {
        for sql in [
            "DELETE FROM jobs WHERE job = ?1",
            "DELETE FROM tasks WHERE job = ?1",
            "DELETE FROM auctions WHERE job = ?1",
        ] {
            sqlx::query(sql).bind(forgotten.job.to_string()).execute(&mut *connection).await?;
        }
    }
    for lease in &forgotten.leases {
        for sql in ["DELETE FROM leases WHERE lease = ?1", "DELETE FROM member_tasks WHERE lease = ?1"] {
            sqlx::query(sql).bind(lease.to_string()).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

fn json(record: &impl Serialize) -> Result<String, Error> {
    Ok(serde_json::to_string(record)?)
}

fn parse<T: DeserializeOwned>(body: &str) -> Result<T, Error> {
    Ok(serde_json::from_str(body)?)
}

#[cfg(test)]
mod tests;
