use millrace_protocol::Seconds;

use super::document::{self, Document};
use super::wrong;
use crate::quantity::parse_seconds;
use crate::{Error, Gang, Locality, Restart, Service, Shape};

/// Leases that a service may lose to their rigs' faults, where the file does not say: it is to run for long.
const SERVICE_LEASE_RETRIES: u16 = 1_000;
const LEASE_RETRIES: u16 = 2;

/// What is to be run, and how often.
pub(super) struct Work {
    pub tasks: u32,
    pub task_retries: u16,
    /// None for as long as the lease.
    pub time_limit: Option<Seconds>,
    pub shape: Option<Shape>,
    pub finish_on_notice: bool,
}

impl Work {
    pub(super) fn lease_retries(&self) -> u16 {
        match self.shape {
            Some(Shape::Service(_)) => SERVICE_LEASE_RETRIES,
            Some(Shape::Gang(_)) | None => LEASE_RETRIES,
        }
    }
}

/// # Errors
/// [`Error::Field`].
pub(super) fn work(document: &Document) -> Result<Work, Error> {
    match (&document.tasks, &document.service) {
        (Some(_), Some(_)) => Err(wrong("service", "set", "left out, or `tasks` is: a service has replicas")),
        (None, Some(service)) if document.gang.is_none() => replicas(service),
        (None, Some(_)) => Err(wrong("gang", "set", "left out with a service")),
        (Some(tasks), None) => {
            let time_limit = parse_seconds(&tasks.time_limit)
                .ok_or_else(|| wrong("tasks.time_limit", &tasks.time_limit, "a duration such as `90s` or `15m`"))?;
            let shape = document.gang.as_ref().map(gang).transpose()?;
            let finish_on_notice = match tasks.on_notice.as_str() {
                "stop" => false,
                "finish" => true,
                other => return Err(wrong("tasks.on_notice", other, "`stop` or `finish`")),
            };
            let (time_limit, task_retries) = (Some(time_limit), tasks.retries);
            Ok(Work { tasks: tasks.count, task_retries, time_limit, shape, finish_on_notice })
        }
        (None, None) => Err(wrong("tasks", "left out", "a table with `count` and `time_limit`, or a `service`")),
    }
}

fn gang(document: &document::Gang) -> Result<Shape, Error> {
    let locality = match document.locality.as_str() {
        "region" => Locality::Region,
        "anywhere" => Locality::Anywhere,
        other => return Err(wrong("gang.locality", other, "`region` or `anywhere`")),
    };
    Ok(Shape::Gang(Gang { locality }))
}

fn replicas(document: &document::Service) -> Result<Work, Error> {
    let restart = match document.restart.as_str() {
        "always" => Restart::Always,
        "on-failure" => Restart::OnFailure,
        other => return Err(wrong("service.restart", other, "`always` or `on-failure`")),
    };
    let run_for = document.run_for.as_ref().map(|text| {
        parse_seconds(text).ok_or_else(|| wrong("service.run_for", text, "a duration such as `12h` or `7d`"))
    });
    let replicas = u32::from(document.replicas);
    let surge = document.surge.map_or_else(|| replicas.div_ceil(4), u32::from);
    if document.surge.is_some() && surge > replicas {
        return Err(wrong("service.surge", &surge.to_string(), "at most as many as `service.replicas`"));
    }
    if replicas == 0 {
        return Err(wrong("service.replicas", "0", "at least 1"));
    }
    if replicas + surge > u32::from(u16::MAX) {
        return Err(wrong("service.replicas", &replicas.to_string(), "at most 65535 together with `service.surge`"));
    }
    let shape = Shape::Service(Service { replicas, restart, run_for: run_for.transpose()? });
    Ok(Work { tasks: replicas + surge, task_retries: 0, time_limit: None, shape: Some(shape), finish_on_notice: false })
}
