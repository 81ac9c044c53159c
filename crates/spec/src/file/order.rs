use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::Seconds;

use super::document::{self, Document};
use super::wrong;
use crate::quantity::parse_seconds;
use crate::{After, Checkpointing, Condition, EarlyOutputs, Error, Retry};

/// Jobs that come first, in the one order; none where nothing does.
///
/// # Errors
/// [`Error::Field`].
pub(super) fn after(document: &Document) -> Result<Option<Vec<After>>, Error> {
    let lists =
        [("after", &document.after, Condition::Completed), ("after_ended", &document.after_ended, Condition::Ended)];
    let mut jobs = BTreeMap::new();
    for (field, list, on) in lists {
        for text in list {
            let job = text.parse().map_err(|_| wrong(field, text, "addresses of jobs, in base58"))?;
            if jobs.insert(job, on).is_some_and(|before| before != on) {
                return Err(wrong(field, text, "in one of `after` and `after_ended` only"));
            }
        }
    }
    let after: Vec<After> = jobs.into_iter().map(|(job, on)| After { job, on }).collect();
    Ok(Some(after).filter(|after| !after.is_empty()))
}

/// # Errors
/// [`Error::Field`].
pub(super) fn checkpoint(document: &document::Checkpoint) -> Result<Checkpointing, Error> {
    Ok(Checkpointing { every: every("checkpoint.every", &document.every)? })
}

/// # Errors
/// [`Error::Field`].
pub(super) fn outputs(document: &document::Outputs) -> Result<EarlyOutputs, Error> {
    Ok(EarlyOutputs { every: every("outputs.every", &document.every)? })
}

fn every(field: &'static str, text: &str) -> Result<Seconds, Error> {
    parse_seconds(text).ok_or_else(|| wrong(field, text, "a duration such as `90s` or `5m`"))
}

/// # Errors
/// [`Error::Field`].
pub(super) fn retry(document: &document::Retry) -> Result<Retry, Error> {
    let duration = |field, text: &String| {
        parse_seconds(text).ok_or_else(|| wrong(field, text, "a duration such as `10s` or `5m`"))
    };
    let backoff = duration("retry.backoff", &document.backoff)?;
    let longest = document.longest_backoff.as_ref().map(|text| duration("retry.longest_backoff", text)).transpose()?;
    let set = |codes: &[u8]| codes.iter().copied().collect::<BTreeSet<u8>>().into_iter().collect();
    Ok(Retry {
        backoff,
        fatal_exit_codes: set(&document.fatal_exit_codes),
        longest_backoff: longest.unwrap_or(backoff.max(Seconds(300))),
        uncounted_exit_codes: set(&document.uncounted_exit_codes),
    })
}
