use data_encoding::HEXLOWER;
use gridwell_api::{ApiError, ErrorCode};

/// Bytes of a secret: nobody guesses 256 bits.
const BYTES: usize = 32;
/// Length of a secret as text.
pub(crate) const TEXT_BYTES: usize = 2 * BYTES;

/// A new random secret, as text.
pub(crate) fn new() -> Result<String, ApiError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| ApiError::new(ErrorCode::DataFolder, format!("no randomness for a secret: {error}")))?;
    Ok(HEXLOWER.encode(&bytes))
}

/// What is kept of a secret, to know it again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known(blake3::Hash);

impl Known {
    pub(crate) fn of(secret: &str) -> Self {
        Self(blake3::hash(secret.as_bytes()))
    }

    /// A key for one purpose, that nobody makes who does not know the secret.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, self.0.as_bytes())
    }

    /// Takes equally long wherever the first difference lies, because hashes are compared.
    pub(crate) fn is(&self, shown: &str) -> bool {
        self.0 == blake3::hash(shown.as_bytes())
    }
}
