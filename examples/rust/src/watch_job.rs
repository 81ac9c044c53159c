//! Watch a job until it is over.

use millrace_client::accounts::JobAccount;
use millrace_client::{AnyAccount, Client, Event, Sight, Watcher, WatcherOptions};
use millrace_protocol::{Address, JobState};

/// Calls `on_change` with each state of the job, the present one first, and returns the last one when the
/// job is over. `None`: it is closed already, or never was; its statement tells which.
///
/// No state that lasts is missed, whatever happens to the connection meanwhile. Without any endpoint this
/// waits; whoever wants to give up wraps it in a timeout.
pub async fn watch_job(client: &Client, job: Address, mut on_change: impl FnMut(&JobAccount)) -> Option<JobAccount> {
    let mut watcher = Watcher::follow(client.clone(), vec![job], WatcherOptions::default());
    let mut last = None;
    loop {
        match watcher.next().await? {
            Event::Update(update) => match update.account {
                Some(AnyAccount::Job(job)) => {
                    on_change(&job);
                    if matches!(job.job.state, JobState::Done | JobState::Expired) {
                        return Some(job);
                    }
                    last = Some(job);
                }
                // Anyone may close a job that is over; then its account is gone.
                _ => return last,
            },
            // Everything up to now has been told, and there was no such job.
            Event::Reconciled { .. } if last.is_none() => return None,
            Event::Reconciled { .. } | Event::Gap { .. } => {}
            Event::Sight(Sight::Blind) => println!("no endpoint answers: what was told last may be old"),
            Event::Sight(Sight::Delayed) => println!("changes may be told late for now"),
            Event::Sight(Sight::Live) => {}
        }
    }
}
