//! Being asked to stop.

use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};

/// Returns when the process gets SIGINT (Ctrl-C) or SIGTERM.
pub async fn asked_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without handlers the signal's own effect ends the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// The same, or when stdin closes if `until_stdin_closes`: a parent that is gone cannot signal any more.
pub async fn asked_to_stop_or_left_alone(until_stdin_closes: bool) {
    tokio::select! {
        () = asked_to_stop() => {}
        () = stdin_closed(), if until_stdin_closes => {}
    }
}

async fn stdin_closed() {
    let (mut stdin, mut ignored) = (tokio::io::stdin(), [0; 64]);
    while let Ok(1..) = stdin.read(&mut ignored).await {}
}
