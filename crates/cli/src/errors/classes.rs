//! Which exit class each error belongs to: the one place that decides it, by type, never by text.

use millrace_client::Error as ClientError;
use millrace_client::keys::KeyError;
use millrace_link::objects::Error as ObjectError;
use millrace_worker::container::Error as EngineError;

use super::Failure;
use crate::commands::audit_auction;
use crate::{audit, demo, market, schedule, sealing, settings, stage, submission, systemd, transfer};

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let failure = match error {
            ClientError::Unreachable { .. } | ClientError::Unconfirmed { .. } => Self::external(&error),
            _ => Self::refused(&error),
        };
        let causes = failure.causes.iter().map(|cause| error.without_secrets(cause)).collect();
        Self { causes, ..failure }.that_passes(error.is_transient())
    }
}

impl From<market::Error> for Failure {
    fn from(error: market::Error) -> Self {
        let failure = match &error {
            market::Error::Unreachable { .. } => Self::external(&error),
            // The orchestrator's own code says more than that it refused.
            market::Error::Refused { problem, .. } => {
                Self { code: problem.code.clone().into(), ..Self::refused(&error) }
            }
            market::Error::Foreign { .. } | market::Error::ForeignRefusal { .. } => Self::refused(&error),
        };
        failure.that_passes(error.passes())
    }
}

impl From<ObjectError> for Failure {
    fn from(error: ObjectError) -> Self {
        let failure = match error {
            ObjectError::Unreachable(_) => Self::external(&error),
            _ => Self::refused(&error),
        };
        // Space is made by others, here as at the endpoint.
        failure.that_passes(error.is_passing() || error.is_disk_full())
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Unreachable { .. } => Self::external(&error),
            _ => Self::refused(&error),
        }
    }
}

impl From<millrace_worker::Error> for Failure {
    fn from(error: millrace_worker::Error) -> Self {
        use millrace_worker::Error;
        match error {
            Error::Chain(source) => source.into(),
            Error::Engine(source) => source.into(),
            Error::DataDirForeign { .. } | Error::OrchestratorUrl(_) => Self::usage(&error),
            _ => Self::refused(&error),
        }
    }
}

impl From<systemd::Error> for Failure {
    fn from(error: systemd::Error) -> Self {
        match error {
            systemd::Error::DataDir(source) => source.into(),
            _ => Self::refused(&error),
        }
    }
}

impl From<millrace_orchestrator::Error> for Failure {
    fn from(error: millrace_orchestrator::Error) -> Self {
        use millrace_orchestrator::Error;
        match error {
            Error::Chain(source) => source.into(),
            Error::ChainSilent { .. } => Self::external(&error),
            _ => Self::refused(&error),
        }
    }
}

impl From<millrace_localnet::Error> for Failure {
    fn from(error: millrace_localnet::Error) -> Self {
        Self::refused(&error)
    }
}

impl From<settings::Error> for Failure {
    fn from(error: settings::Error) -> Self {
        match error {
            settings::Error::Differs { .. }
            | settings::Error::EndpointDiffers { .. }
            | settings::Error::Unwritable { .. } => Self::refused(&error),
            _ => Self::usage(&error),
        }
    }
}

macro_rules! refused {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::refused(&error)
            }
        })+
    };
}

refused!(
    KeyError,
    audit::Error,
    audit_auction::Error,
    demo::Error,
    demo::frames::Error,
    millrace_protocol::Error,
    millrace_seal::Error,
    millrace_spec::Error,
    schedule::journal::Error,
    sealing::Error,
    stage::Error,
    stage::service::Error,
    submission::Error,
    transfer::Error,
    millrace_worker::control::Error,
);

#[cfg(test)]
mod tests {
    use millrace_client::{Asset, Client, Endpoints, Signature};
    use millrace_link::rest::Problem;
    use millrace_protocol::Address;

    use super::*;
    use crate::errors::ExitClass;
    use crate::output::Style;

    #[test]
    fn a_folder_that_is_not_the_workers_is_named_wrongly_however_its_worker_is_started() {
        let error = || millrace_worker::Error::DataDirForeign { path: "/".into(), found: "bin".into() };
        for failure in [Failure::from(error()), systemd::Error::DataDir(error()).into()] {
            assert_eq!((failure.code.as_ref(), failure.class), ("data-folder-foreign", ExitClass::Usage));
            assert_eq!(failure.message, "/ holds bin, and nothing of a worker's");
        }
    }

    #[tokio::test]
    async fn no_cause_has_the_key_of_an_endpoint() {
        let client = Client::new(Endpoints::from_rpc("http://127.0.0.1:1/secret?key=secret"));
        let failure = Failure::from(client.chain_clock().await.unwrap_err());
        let said = failure.text(Style::plain());
        assert!(said.contains("caused by: error sending request for url (http://127.0.0.1:1)\n"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }

    #[test]
    fn what_passes_is_known_by_its_type() {
        let full = Problem { code: "disk-full".to_owned(), cause: String::new(), hint: String::new() };
        let passing: [Failure; 3] = [
            ClientError::Expired { signature: Signature::default() }.into(),
            ObjectError::Refused { status: 507, problem: full }.into(),
            ObjectError::Unexpected { status: 502 }.into(),
        ];
        assert!(passing.iter().all(|failure| failure.passes), "{passing:?}");
        let owner = Address([1; 32]);
        let lasting: [Failure; 2] = [
            ClientError::InsufficientFunds { owner, asset: Asset::Sol, available: None, needed: None }.into(),
            ObjectError::Unexpected { status: 418 }.into(),
        ];
        assert!(!lasting.iter().any(|failure| failure.passes), "{lasting:?}");
    }
}
