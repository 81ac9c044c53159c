use std::path::{Path, PathBuf};

use crate::args::DemoNetwork;
use crate::clock;
use crate::context::Context;
use crate::demo;
use crate::errors::{ExitClass, Failure};
use crate::signals::asked_to_stop;

/// Runs the demo and cleans up after it, also after a failure and after Ctrl-C.
///
/// # Errors
/// Whatever keeps the job from being rendered, checked and paid to the micro-USDC.
pub async fn run(context: &Context<'_>, args: DemoNetwork) -> Result<(), Failure> {
    let dir = args.dir.unwrap_or_else(|| PathBuf::from(format!(".demo/{}", clock::now().0)));
    if dir.exists() {
        return Err(demo::Error::DirExists { dir }.into());
    }
    let job = demo::read_job(&args.job).await?;
    let engine = demo::containers::Engine::with_image(&job.spec.image).await?;
    let output = context.output;
    output.note(&format!("folder        {}", dir.display()));
    let result = tokio::select! {
        result = play(context, &job, &engine, &dir) => result,
        // Dropping the play kills its services.
        () = asked_to_stop() => Err(interrupted()),
    };
    // However it ended: what services left behind is found by label.
    engine.remove_all().await?;
    output.report(&result?);
    Ok(())
}

async fn play(
    context: &Context<'_>,
    job: &crate::submission::Prepared,
    engine: &demo::containers::Engine,
    dir: &Path,
) -> Result<demo::Performance, Failure> {
    // Containers are given folders in it, so the stage's path is absolute; what is shown is as short as it was given.
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let stage = demo::set(context.output, &absolute, engine).await?;
    let result = demo::perform(context.output, &stage, job, dir).await;
    stage.strike().await?;
    result
}

fn interrupted() -> Failure {
    Failure {
        code: "interrupted".into(),
        message: "the demo was interrupted; its services and containers are gone".to_owned(),
        causes: Vec::new(),
        hint: "start it again: each demo has a folder of its own".to_owned(),
        class: ExitClass::Refused,
        job: None,
        passes: false,
    }
}
