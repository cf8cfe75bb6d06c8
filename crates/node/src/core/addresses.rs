//! Where other machines were reached before: whoever starts again finds its grid without being found.

use std::collections::BTreeMap;

use gridwell_model::PeerId;
use gridwell_store::{Store, StoreError};

use super::Core;

/// Key in the store.
const KEY: &str = "addresses";

/// Addresses of members beside those in their records, newest first.
#[derive(Debug, Default)]
pub(crate) struct Addresses(BTreeMap<PeerId, Vec<String>>);

impl Addresses {
    /// Reads what is kept. Addresses are hints: unreadable ones are forgotten.
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let kept = store.meta(KEY).await?;
        Ok(Self(kept.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default()))
    }

    pub(crate) fn of(&self, peer: PeerId) -> Vec<String> {
        self.0.get(&peer).cloned().unwrap_or_default()
    }

    /// Notes addresses; returns what is to be kept if that is news.
    fn note(&mut self, peer: PeerId, addresses: Vec<String>) -> Option<Vec<u8>> {
        if addresses.is_empty() || self.0.get(&peer) == Some(&addresses) {
            return None;
        }
        self.0.insert(peer, addresses);
        Some(postcard::to_stdvec(&self.0).expect("addresses are plain data"))
    }
}

impl Core {
    /// Keeps what the link table knows of a peer's addresses.
    pub(crate) fn keep_addresses(&mut self, peer: PeerId) {
        let known = self.links.view(peer).map(|view| view.addresses).unwrap_or_default();
        if let Some(bytes) = self.addresses.note(peer, known) {
            let store = self.store.clone();
            self.beside.spawn(async move {
                if let Err(error) = store.put_meta(KEY, bytes).await {
                    tracing::warn!(%error, "addresses of other machines were not kept");
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_news_is_kept_and_it_reads_back() {
        let mut addresses = Addresses::default();
        let peer = PeerId([7; 32]);

        assert_eq!(addresses.note(peer, vec![]), None);
        let kept = addresses.note(peer, vec!["10.0.0.1:7766".to_owned()]);
        assert_eq!(addresses.note(peer, vec!["10.0.0.1:7766".to_owned()]), None);

        let read: BTreeMap<PeerId, Vec<String>> = postcard::from_bytes(&kept.unwrap()).unwrap();
        assert_eq!(read[&peer], ["10.0.0.1:7766"]);
    }
}
