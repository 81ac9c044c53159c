use millrace_protocol::Diagnostic;
use thiserror::Error;

use crate::job_spec::MIB;

/// Why a job file or a job spec is not one.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// Not TOML, an unknown field or a wrong type; the message names line and column.
    #[error("the job file cannot be read: {0}")]
    Syntax(String),
    /// A field with a value that makes no sense.
    #[error("`{field}` is `{value}`, but must be {expected}")]
    Field { field: &'static str, value: String, expected: &'static str },
    #[error("input `{0}` has no content hash")]
    InputUnresolved(String),
    /// It says `wallet` or encrypts inputs, and no wallet has been named ([`crate::JobFile::seal`]).
    #[error("the job encrypts for a wallet, and none is named")]
    NotSealed,
    /// A checkpoint lies at the network's as the container wrote it.
    #[error("the job encrypts its outputs, and its checkpoints could not be")]
    CheckpointUnsealed,
    /// `inputs` in bytes.
    #[error(
        "the inputs have {inputs} bytes, and `resources.disk` of {disk_mib}MiB has {} for inputs and outputs",
        u64::from(*disk_mib) * MIB
    )]
    InputsFillDisk { inputs: u64, disk_mib: u32 },
    #[error("the job's terms are refused: {0}")]
    Terms(#[from] millrace_protocol::Error),
    #[error("the job spec is not in canonical form")]
    NotCanonical,
    #[error("the job spec has {bytes} bytes, and the network reads {}", crate::JobSpec::LONGEST)]
    TooLong { bytes: u64 },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "job-file-syntax",
            Self::Field { .. } => "job-file-field",
            Self::InputUnresolved(_) => "job-input-unresolved",
            Self::NotSealed => "job-not-sealed",
            Self::CheckpointUnsealed => "job-checkpoint-unsealed",
            Self::InputsFillDisk { .. } => "job-inputs-fill-disk",
            Self::Terms(source) => source.code(),
            Self::NotCanonical => "job-spec-not-canonical",
            Self::TooLong { .. } => "job-spec-too-long",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Syntax(_) => "docs/job-file.md lists every field; examples/render/job.toml is a whole one".to_owned(),
            Self::Field { field, expected, .. } => format!("change `{field}` to {expected}"),
            Self::InputUnresolved(_) => "upload the input before the spec".to_owned(),
            Self::NotSealed => "submit it with `millrace job submit`, or call `JobFile::seal` first".to_owned(),
            Self::CheckpointUnsealed => {
                "leave out `checkpoint` or `encryption.outputs`: nobody knows which rig is next, so nothing can be \
                 encrypted to it"
                    .to_owned()
            }
            Self::InputsFillDisk { inputs, .. } => {
                format!("raise `resources.disk` to at least {}MiB, and by what a task writes", inputs / MIB + 1)
            }
            Self::Terms(source) => source.hint(),
            Self::TooLong { .. } => {
                "put many small inputs into one archive, and long values of `[env]` into an input".to_owned()
            }
            Self::NotCanonical => "build the spec with millrace-spec instead of by hand".to_owned(),
        }
    }
}
