//! Results come home.

use std::path::Path;

use gridwell_model::{JobSpec, OutputFile, PeerId};
use gridwell_store::{LandError, LandSource, Overwrite};
use tokio_util::sync::CancellationToken;

use super::{Transfer, TransferError};

/// Longest list of outputs that is read, in bytes: the most files with the longest paths that were seen to work.
const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;

impl Transfer {
    /// Lands the outputs of one run in the job's folders at this origin, and returns every file that landed.
    pub(crate) async fn bring_home(
        &self,
        spec: &JobSpec,
        outputs: &[OutputFile],
        from: PeerId,
        wanted: &CancellationToken,
    ) -> Result<Vec<OutputFile>, TransferError> {
        let mut landed = Vec::with_capacity(outputs.len());
        for output in outputs {
            if output.folder != OutputFile::LIST {
                self.bring_one_home(spec, output, from, wanted).await?;
                landed.push(output.clone());
                continue;
            }
            if output.size_bytes > MAX_LIST_BYTES {
                return Err(TransferError::BadList { from });
            }
            let bytes = self.read(output.blob, output.size_bytes, spec.id, from).await?;
            let listed: Vec<OutputFile> = postcard::from_bytes(&bytes).map_err(|_| TransferError::BadList { from })?;
            for output in &listed {
                self.bring_one_home(spec, output, from, wanted).await?;
            }
            if from != self.me {
                self.blobs.remove(output.blob).await?;
            }
            landed.extend(listed);
        }
        Ok(landed)
    }

    async fn bring_one_home(
        &self,
        spec: &JobSpec,
        output: &OutputFile,
        from: PeerId,
        wanted: &CancellationToken,
    ) -> Result<(), TransferError> {
        let folder = spec.output_folders.get(output.folder as usize);
        let folder = folder.ok_or(TransferError::NoFolder { folder: output.folder })?;
        let _hold = self.blobs.hold(output.blob);
        self.bring(output.blob, output.size_bytes, spec.id, from).await?;
        // The lease may have ended on the way: somebody else's file may lie there by now.
        if wanted.is_cancelled() {
            return Err(TransferError::NotWanted);
        }
        let land =
            |source| self.blobs.land(source, Path::new(folder), &output.path, output.executable, Overwrite::Replace);
        match land(LandSource::Move(output.blob)).await {
            // A twin landed earlier and its file was changed since: fetch these bytes anew.
            Err(LandError::Source { .. }) if from != self.me => {
                self.blobs.remove(output.blob).await?;
                self.bring(output.blob, output.size_bytes, spec.id, from).await?;
                land(LandSource::Move(output.blob)).await?;
            }
            landed => drop(landed?),
        }
        Ok(())
    }
}
