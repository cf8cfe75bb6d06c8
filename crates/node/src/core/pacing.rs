//! What files may take of the network and of the disk, as the owner of this machine wants it.

use gridwell_api::{ApiError, ErrorCode, LinkLimitRequest, Response};
use gridwell_model::{PeerId, format_bytes};
use gridwell_net::NetHandle;
use gridwell_store::StoreError;

use super::{Core, door::storage, facts::Reply};

impl Core {
    /// Applies what the settings say.
    pub(crate) fn follow_room(&self) {
        let settings = self.machines.settings();
        let (objects, cache_bytes) = (self.store.objects().clone(), settings.cache_bytes);
        self.beside.spawn(async move {
            if let Err(error) = objects.set_own_bytes(cache_bytes).await {
                tracing::warn!(%error, "what files may take of the disk was not looked after");
            }
        });
        self.net.set_limit(None, settings.network);
        for (peer, limit) in &settings.link_limits {
            self.net.set_limit(Some(*peer), Some(*limit));
        }
    }

    /// Limits what a link carries, or takes the limit away; the answer goes back once that is kept.
    pub(super) fn limit_link(&mut self, request: &LinkLimitRequest, reply: Reply) {
        let limited = self.limit_link_of(request).and_then(|peer| {
            let view = self.link_view(peer).ok_or_else(|| ApiError::bug("a member has no link entry"))?;
            Ok((view, self.keep_settings()))
        });
        let (view, kept) = match limited {
            Ok(limited) => limited,
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        self.beside.spawn(async move {
            let kept = kept.await.unwrap_or(Err(StoreError::Closed)).map_err(|error| storage(&error));
            let _gone = reply.send(kept.map(|()| Response::Link(Box::new(view))));
        });
    }

    fn limit_link_of(&mut self, request: &LinkLimitRequest) -> Result<PeerId, ApiError> {
        let peer = self.find_machine(&request.machine)?;
        if peer == self.me {
            return Err(ApiError::new(ErrorCode::BadValue, "a machine has no link with itself"));
        }
        check_limit(request.bytes_per_sec)?;
        let limits = &mut self.machines.settings_mut().link_limits;
        match request.bytes_per_sec {
            Some(limit) => _ = limits.insert(peer, limit),
            None => _ = limits.remove(&peer),
        }
        self.net.set_limit(Some(peer), request.bytes_per_sec);
        self.changed.links.insert(peer);
        Ok(peer)
    }
}

/// Refuses what would be too slow for transfers to go on.
pub(super) fn check_limit(bytes_per_second: Option<u64>) -> Result<(), ApiError> {
    let Some(slow) = bytes_per_second.filter(|limit| *limit < NetHandle::LEAST_LIMIT) else { return Ok(()) };
    let least = format_bytes(NetHandle::LEAST_LIMIT);
    let message = format!("{} a second are too few for transfers to go on", format_bytes(slow));
    let help = format!("The lowest limit is {least} a second; 'off' takes it away.");
    Err(ApiError::new(ErrorCode::BadValue, message).help(help))
}
