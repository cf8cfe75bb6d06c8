use gridwell_files::{Groups, Purpose};
use gridwell_model::BlobId;

use super::{Object, ObjectError, Objects};

/// Checked at once: what one wrong byte costs at most, 1 MiB.
const GROUPS_AT_ONCE: u64 = 16;

/// What a check of pieces found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Bytes that were checked.
    pub bytes: u64,
    /// Of these, what was wrong or could not be read. It is not here any more.
    pub wrong_bytes: u64,
}

impl Objects {
    /// Bytes that are here of a blob.
    #[must_use]
    pub fn here_bytes(&self, blob: BlobId) -> u64 {
        self.folder.here_bytes(blob)
    }

    /// Takes a blob's pieces away, unless a job pins it or somebody holds it; returns how many bytes went.
    ///
    /// # Errors
    ///
    /// [`ObjectError::File`] if a file could not be changed or removed.
    pub async fn free(&self, blob: BlobId) -> Result<u64, ObjectError> {
        let folder = self.folder.clone();
        super::blocking(move || folder.free(blob)).await
    }

    /// Checks what is here of a blob against its name, and takes away what is wrong.
    ///
    /// # Errors
    ///
    /// [`ObjectError::File`] if what is wrong could not be taken away.
    pub async fn check(&self, blob: BlobId) -> Result<Checked, ObjectError> {
        // Read as if for others: to check something is no reason to keep it.
        let Some(object) = self.find(blob, Purpose::Relayed).await? else { return Ok(Checked::default()) };
        let (mut checked, size) = (Checked::default(), object.size_bytes());
        let mut left = object.present();
        while !left.is_empty() {
            let groups = left.first(GROUPS_AT_ONCE);
            left = left.difference(&groups);
            let is_right = object.proves(&groups).await;
            // Others may take groups away meanwhile: that they cannot be read says nothing then.
            if !is_right && !groups.difference(&object.present()).is_empty() {
                continue;
            }
            checked.bytes += groups.bytes(size);
            if !is_right {
                checked.wrong_bytes += groups.bytes(size);
                let folder = self.folder.clone();
                super::blocking(move || folder.evict(blob, &groups, || false)).await?;
            }
        }
        Ok(checked)
    }
}

impl Object {
    async fn proves(&self, groups: &Groups) -> bool {
        let (mut proof, mut decoder) = (self.prove(groups.clone()), self.decoder(groups.clone()));
        loop {
            match proof.next().await {
                Ok(Some(bytes)) => {
                    let mut rest = bytes.as_slice();
                    loop {
                        match decoder.push(&mut rest) {
                            Ok(Some(_)) => {}
                            Ok(None) => break,
                            Err(_) => return false,
                        }
                    }
                }
                Ok(None) => return decoder.finish().is_ok(),
                Err(_) => return false,
            }
        }
    }
}
