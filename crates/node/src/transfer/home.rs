//! Results come home, and take nobody's place.

use std::{
    ffi::OsStr,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

use gridwell_api::InTheWay;
use gridwell_model::{JobSpec, OutputFile, PeerId, RelPath};
use gridwell_store::{LandError, LandSource, Overwrite, Store};
use tokio_util::sync::CancellationToken;

use super::{Transfer, TransferError};

/// Longest list of outputs that is read, in bytes: the most files with the longest paths that were seen to work.
const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;

/// Highest number that a file which lands beside another one gets: who has more of them has another wish.
const MOST_BESIDE: u32 = 99;

/// How the results of one run come home.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Homecoming<'a> {
    pub(crate) store: &'a Store,
    pub(crate) spec: &'a JobSpec,
    /// The machine that has them.
    pub(crate) from: PeerId,
    pub(crate) in_the_way: InTheWay,
    /// Cancelled when nobody wants them any more.
    pub(crate) wanted: &'a CancellationToken,
}

/// What became of the outputs of a run.
#[derive(Debug, Default)]
pub(crate) struct Home {
    /// What lies where it belongs, under the name that it has there.
    pub(crate) landed: Vec<OutputFile>,
    /// What is kept at the origin, pinned for the job, because another file is in the way.
    pub(crate) held: Vec<OutputFile>,
    /// Something landed under another name than its program gave it.
    pub(crate) renamed: bool,
}

impl Transfer {
    /// Lands the outputs of one run in the job's folders at this origin.
    pub(crate) async fn bring_home(
        &self,
        coming: Homecoming<'_>,
        outputs: &[OutputFile],
    ) -> Result<Home, TransferError> {
        let (job, from) = (coming.spec.id, coming.from);
        let mut home = Home::default();
        for output in outputs {
            if output.folder != OutputFile::LIST {
                self.bring_one_home(coming, output, &mut home).await?;
                continue;
            }
            if output.size_bytes > MAX_LIST_BYTES {
                return Err(TransferError::BadList { from });
            }
            let bytes = self.read(output.blob, output.size_bytes, job, from).await?;
            let listed: Vec<OutputFile> = postcard::from_bytes(&bytes).map_err(|_| TransferError::BadList { from })?;
            for output in &listed {
                self.bring_one_home(coming, output, &mut home).await?;
            }
            if from != self.me {
                self.blobs.remove(output.blob).await?;
            }
        }
        Ok(home)
    }

    async fn bring_one_home(
        &self,
        coming: Homecoming<'_>,
        output: &OutputFile,
        home: &mut Home,
    ) -> Result<(), TransferError> {
        let _hold = self.blobs.hold(output.blob);
        self.bring(output.blob, output.size_bytes, coming.spec.id, coming.from).await?;
        // The lease may have ended on the way: somebody else's file may lie there by now.
        if coming.wanted.is_cancelled() {
            return Err(TransferError::NotWanted);
        }
        // What is kept for another origin lies in a folder of this node alone.
        let replace = coming.in_the_way == InTheWay::Replace || coming.spec.origin != self.me;
        if self.land(coming, output, replace).await? {
            home.landed.push(output.clone());
            return Ok(());
        }
        if coming.in_the_way == InTheWay::Beside
            && let Some(beside) = self.land_beside(coming, output).await?
        {
            home.landed.push(beside);
            home.renamed = true;
            return Ok(());
        }
        self.blobs.pin(coming.spec.id, vec![output.blob]).await?;
        home.held.push(output.clone());
        Ok(())
    }

    /// False if another file is in the way, which stays.
    async fn land(&self, coming: Homecoming<'_>, output: &OutputFile, replace: bool) -> Result<bool, TransferError> {
        let folder = coming.spec.output_folders.get(output.folder as usize);
        let folder = Path::new(folder.ok_or(TransferError::NoFolder { folder: output.folder })?);
        let overwrite = overwrite(coming.store, &place_in(folder, &output.path), replace).await;
        let land =
            || self.blobs.land(LandSource::Move(output.blob), folder, &output.path, output.executable, overwrite);
        let landed = match land().await {
            // A twin landed earlier and its file was changed since: fetch these bytes anew.
            Err(LandError::Source { .. }) if coming.from != self.me => {
                self.blobs.remove(output.blob).await?;
                self.bring(output.blob, output.size_bytes, coming.spec.id, coming.from).await?;
                land().await
            }
            landed => landed,
        };
        match landed {
            Ok(_) => Ok(true),
            Err(LandError::Exists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Lands under the first of `name (2).png`, `name (3).png` … that is free, or has this result already.
    async fn land_beside(
        &self,
        coming: Homecoming<'_>,
        output: &OutputFile,
    ) -> Result<Option<OutputFile>, TransferError> {
        for number in 2..=MOST_BESIDE {
            let Some(path) = numbered(&output.path, number) else { return Ok(None) };
            let beside = OutputFile { path, ..output.clone() };
            if self.land(coming, &beside, false).await? {
                return Ok(Some(beside));
            }
        }
        Ok(None)
    }
}

/// What may make way for a result at an absolute path. What is not known to have landed there is somebody's.
pub(crate) async fn overwrite(store: &Store, place: &Path, replace: bool) -> Overwrite {
    if replace {
        return Overwrite::Replace;
    }
    let ours = store.landed_at(place).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "what landed before is not known, and stays where it is");
        None
    });
    Overwrite::Own(ours)
}

/// Where a file of a job lies.
pub(crate) fn place_in(folder: &Path, path: &RelPath) -> PathBuf {
    folder.join(OsStr::from_bytes(path.as_bytes()))
}

/// `a/frame (2).png` for `a/frame.png`.
fn numbered(path: &RelPath, number: u32) -> Option<RelPath> {
    let path = Path::new(OsStr::from_bytes(path.as_bytes()));
    let mut name = path.file_stem()?.to_owned();
    name.push(format!(" ({number})"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    RelPath::new(path.with_file_name(name).into_os_string().into_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_goes_before_the_ending() {
        for (path, expected) in [("a/b.c.png", "a/b.c (2).png"), ("log", "log (2)"), (".hidden", ".hidden (2)")] {
            assert_eq!(numbered(&RelPath::new(path).unwrap(), 2).unwrap(), RelPath::new(expected).unwrap());
        }
    }
}
