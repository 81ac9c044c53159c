use crate::bids::OwnBid;
use crate::{Agent, Exit, LeasePhase, Outcome, Phase, Record, Task, Vote};

/// The shortest journal that leads to the same agent.
pub(crate) fn snapshot(agent: &Agent) -> Vec<Record> {
    let bids = agent.bids.iter().map(|own| {
        let OwnBid { signed, made_at, lease } = *own;
        Record::BidSigned { signed, made_at, lease }
    });
    let found = (!agent.gpus.is_empty()).then(|| Record::GpusFound { uuids: agent.gpus.clone() });
    let mut records: Vec<Record> = found.into_iter().chain(bids).collect();
    for (address, lease) in &agent.leases {
        records.push(Record::LeaseAccepted { lease: *address, terms: lease.terms.clone() });
        if let Some((maximum, until)) = lease.upkeep.awaited {
            records.push(Record::LeaseExtended { lease: *address, maximum, until });
        }
        if let Some(notice) = lease.notice {
            records.push(Record::NoticeGiven { lease: *address, notice });
        }
        if let Some(salt) = lease.salt {
            records.push(Record::LeaseCounted { lease: *address, salt });
        }
        if let Some((voucher, signature)) = &lease.voucher {
            records.push(Record::Voucher { voucher: *voucher, signature: signature.clone() });
        }
    }
    for (lease, vote) in &agent.votes {
        let Vote { job, root, salt, prepared_at: at, .. } = *vote;
        records.push(Record::VotePrepared { lease: *lease, job, root, salt, at });
    }
    for task in agent.tasks.values() {
        records.push(Record::TaskAssigned { assignment: task.assignment.clone() });
        let (key, saved) = (task.key(), task.checkpoint());
        records.extend(saved.map(|saved| Record::CheckpointSaved { key, saved }));
        records.extend(of_task(task));
    }
    for (address, lease) in &agent.leases {
        match lease.phase {
            LeasePhase::Offered => {}
            LeasePhase::Held => records.push(Record::LeaseHeld { lease: *address }),
            LeasePhase::Ending => records.push(Record::LeaseEnding { lease: *address }),
            LeasePhase::Over => records.push(Record::LeaseOver { lease: *address }),
            LeasePhase::Reported { result_root } => {
                records.push(Record::LeaseReported { lease: *address, result_root });
            }
        }
    }
    records
}

fn of_task(task: &Task) -> Vec<Record> {
    let key = task.key();
    match task.phase() {
        Phase::Assigned
        | Phase::AwaitingSecrets { .. }
        | Phase::FetchingInputs
        | Phase::Pulling
        | Phase::Creating
        | Phase::Starting => vec![],
        Phase::Running { started_at } => vec![Record::TaskStarted { key, at: *started_at }],
        Phase::Stopping { failure, .. } | Phase::Saving { failure, .. } => {
            vec![Record::TaskFailing { key, failure: failure.clone() }]
        }
        Phase::Uploading => vec![Record::TaskExited { key, exit: Exit { code: 0, out_of_memory: false } }],
        Phase::Cleaning { outcome: Outcome::Done(outputs) } => {
            vec![Record::TaskUploaded { key, outputs: outputs.clone() }]
        }
        Phase::Cleaning { outcome: Outcome::Failed(failure) } => {
            vec![Record::TaskFailing { key, failure: failure.clone() }]
        }
        Phase::Ended { outcome } => {
            let ended = Record::TaskEnded { key, outcome: outcome.clone() };
            let acknowledged = task.is_acknowledged().then_some(Record::TaskAcknowledged { key });
            std::iter::once(ended).chain(acknowledged).collect()
        }
    }
}
