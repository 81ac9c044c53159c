use std::path::PathBuf;
use std::time::Duration;

use tokio::time::sleep;

use crate::disk;

/// From one look at the disks to the next: a layer of zeros unpacks at the disk's own speed.
const LOOK: Duration = Duration::from_millis(100);

/// The disks that images come to lie on, and what must stay free there. No engine bounds a pull: a few kilobytes
/// from a registry unpack to whatever their maker likes.
#[derive(Debug)]
pub(crate) struct Room {
    folders: Vec<PathBuf>,
    /// Bytes. Tasks that run end once half of it is gone, so a pull ends before.
    reserve: u64,
}

impl Room {
    /// Folders that are not known are not watched.
    pub fn new(folders: [Option<PathBuf>; 2], reserve: u64) -> Self {
        Self { folders: folders.into_iter().flatten().collect(), reserve }
    }

    /// What is still free on the fullest disk, in the words of a failure, once that is less than the reserve.
    pub fn is_short(&self) -> Option<String> {
        self.folders.iter().find_map(|folder| disk::touched(folder, self.reserve)).map(|failure| failure.detail)
    }

    /// Returns when [`Room::is_short`].
    pub async fn runs_short(&self) -> String {
        loop {
            if let Some(free) = self.is_short() {
                return free;
            }
            sleep(LOOK).await;
        }
    }
}
