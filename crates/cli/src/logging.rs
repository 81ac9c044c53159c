//! Logs of the services, on stderr.

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::environment;

/// Writes logs from now on, filtered as `MILLRACE_LOG` says, in the form that `MILLRACE_LOG_FORMAT` says.
pub fn start() {
    let wanted = environment::of_process(environment::LOG).unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::try_new(&wanted).unwrap_or_else(|_| EnvFilter::new("info"));
    let is_json = environment::of_process(environment::LOG_FORMAT).is_some_and(|format| format == "json");
    subscriber(filter, is_json, std::io::stderr).init();
}

/// One line for each event: words for people, or an object for programs.
fn subscriber<W>(filter: EnvFilter, is_json: bool, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false);
    if is_json { Box::new(lines.json().flatten_event(true).finish()) } else { Box::new(lines.finish()) }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(is_json: bool) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(EnvFilter::new("info"), is_json, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(task = "3.1", tries = 2, "the container cannot be \"signalled\"\nyet");
            tracing::debug!("left out");
        });
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_line_for_programs_is_an_object_with_all_that_was_said() {
        let text = written(true);
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!((&line["task"], &line["tries"]), (&"3.1".into(), &2.into()));
        assert_eq!(line["message"], "the container cannot be \"signalled\"\nyet");
        assert!(line["target"].as_str().unwrap().contains("logging"), "{line}");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    }

    #[test]
    fn a_line_for_people_names_level_and_fields() {
        let text = written(false);
        assert!(text.contains(" WARN ") && text.contains("task=\"3.1\" tries=2"), "{text}");
        assert!(!text.contains("left out"), "{text}");
    }
}
