use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;

use crate::context::Context;

/// From one look to the next while the worker itself changes nothing: the rig's owner has images, too.
const LOOK: Duration = Duration::from_secs(60);
/// How long the engine may take to say what it has.
const PATIENCE: Duration = Duration::from_secs(10);

/// Says what images the engine has, soon after the worker has pulled or removed one and from time to time.
pub(crate) async fn watch(context: Arc<Context>, images: UnboundedSender<BTreeSet<String>>) {
    while !images.is_closed() {
        let _ = timeout(LOOK, context.images.changed.notified()).await;
        // An engine that does not answer is asked again at the next look.
        if let Ok(Ok(found)) = timeout(PATIENCE, context.engine.images()).await {
            let _ = images.send(found.into_iter().collect());
        }
    }
}
