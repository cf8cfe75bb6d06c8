//! Folders that machines show each other: those of this machine, and what others tell of theirs.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use gridwell_api::{ApiError, ErrorCode, Response, ShareAddRequest, ShareRemoveRequest, ShareView};
use gridwell_model::{Audience, PeerId, Role, ShareId, ShareName, ShareNameError, ShareReport};
use gridwell_store::{SharedFolder, Store, StoreError};
use gridwell_wire::Message;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Core, Fact, door::storage, facts::Reply};
use crate::tree::{RootMachine, RootShare, Roots};

/// Keys in the store: shares of this machine, and what it was last told of those of others.
const OWN_KEY: &str = "shares";
const SEEN_KEY: &str = "shares_seen";

/// A share of this machine, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    name: ShareName,
    path: PathBuf,
    to: Audience,
}

/// A share of this machine.
#[derive(Debug)]
struct Own {
    kept: Kept,
    folder: SharedFolder,
}

impl Own {
    fn new(kept: Kept) -> Self {
        Self { folder: SharedFolder::new(&kept.path), kept }
    }
}

/// The shares that are known here.
pub(crate) struct Sharing {
    own: BTreeMap<ShareId, Own>,
    /// What other machines show this one, as they last told.
    seen: BTreeMap<PeerId, Vec<ShareReport>>,
    /// What changed since the last write began, and who waits for that; while one is under way.
    waiting: Vec<(Option<ShareId>, Reply)>,
    writing: bool,
    /// True if what others show changed since it was kept; while that is written.
    seen_anew: bool,
    keeping_seen: bool,
    roots: watch::Sender<Arc<Roots>>,
}

impl Sharing {
    /// Reads what is kept. What others told is a memory: if it cannot be read, they tell it again.
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let kept = store.meta(OWN_KEY).await?.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        let kept: BTreeMap<ShareId, Kept> = kept.unwrap_or_default();
        let seen = store.meta(SEEN_KEY).await?.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        let own = kept.into_iter().map(|(share, kept)| (share, Own::new(kept))).collect();
        Ok(Self {
            own,
            seen: seen.unwrap_or_default(),
            waiting: Vec::new(),
            writing: false,
            seen_anew: false,
            keeping_seen: false,
            roots: watch::Sender::default(),
        })
    }

    /// What is at the top of the tree, now and whenever that changes.
    pub(crate) fn roots(&self) -> watch::Receiver<Arc<Roots>> {
        self.roots.subscribe()
    }

    /// What a share of this machine is called, and who sees it.
    pub(super) fn own(&self, share: ShareId) -> Option<(&ShareName, &Audience)> {
        self.own.get(&share).map(|own| (&own.kept.name, &own.kept.to))
    }

    /// The folder of a share, if its owner shows it to `peer`.
    pub(super) fn shown_to(&self, peer: PeerId, share: ShareId) -> Option<SharedFolder> {
        self.own.get(&share).filter(|own| own.kept.to.includes(peer)).map(|own| own.folder.clone())
    }

    /// True if a folder is one that is shared, or lies in one.
    pub(super) fn holds(&self, dir: &Path) -> bool {
        self.own.values().any(|own| dir.starts_with(&own.kept.path))
    }

    /// Gives up what is done for readers of shares.
    pub(super) fn close(&self) {
        self.own.values().for_each(|own| own.folder.close());
    }

    fn kept(&self) -> Vec<u8> {
        let kept: BTreeMap<_, _> = self.own.iter().map(|(share, own)| (share, &own.kept)).collect();
        postcard::to_stdvec(&kept).expect("shares are plain data")
    }

    pub(super) fn named(&self, name: &str) -> Option<ShareId> {
        self.own.iter().find(|(_, own)| own.kept.name.as_str() == name).map(|(share, _)| *share)
    }
}

impl Core {
    /// Shows a folder of this machine to others, if it can be read and holds no secrets.
    pub(super) fn add_share(&self, request: ShareAddRequest, reply: Reply) {
        let data = self.data.clone();
        self.spawn(async move {
            let path = PathBuf::from(&request.path);
            let checked = tokio::task::spawn_blocking(move || check(&path, &data)).await;
            let checked =
                checked.unwrap_or_else(|error| Err(ApiError::bug(format!("a folder was not checked: {error}"))));
            Fact::ShareChecked(checked, request, reply)
        });
    }

    pub(super) fn on_share_checked(
        &mut self,
        checked: Result<PathBuf, ApiError>,
        request: &ShareAddRequest,
        reply: Reply,
    ) {
        match checked.and_then(|path| self.new_share(path, request)) {
            Ok(kept) => {
                let share = ShareId(crate::start::random());
                self.sharing.own.insert(share, Own::new(kept));
                self.keep_shares(Some(share), reply);
            }
            Err(error) => _ = reply.send(Err(error)),
        }
    }

    fn new_share(&self, path: PathBuf, request: &ShareAddRequest) -> Result<Kept, ApiError> {
        if self.sharing.own.len() == ShareReport::MAX {
            let message = format!("this machine shares {} folders already: no more fit", ShareReport::MAX);
            return Err(ApiError::new(ErrorCode::BadRequest, message).help("share a folder that holds several of them"));
        }
        if let Some(own) = self.sharing.own.values().find(|own| own.kept.path == path) {
            let message = format!("'{}' is shared already, as {}", path.display(), own.kept.name);
            return Err(ApiError::new(ErrorCode::WrongState, message)
                .help(format!("to change it: gridwell share remove '{}', then add it again", own.kept.name)));
        }
        let nested = |own: &&Own| path.starts_with(&own.kept.path) || own.kept.path.starts_with(&path);
        if let Some(own) = self.sharing.own.values().find(nested) {
            let lies = if path.starts_with(&own.kept.path) { "it lies in" } else { "it holds" };
            let (path, other) = (path.display(), own.kept.path.display());
            let message = format!("'{path}' cannot be shared: {lies} '{other}', which is shared as {}", own.kept.name);
            return Err(ApiError::new(ErrorCode::WrongState, message)
                .help("a file is shown once: share one of them, or folders beside each other"));
        }
        if let Some(mount) = self.mounting.dir().filter(|mount| mount.starts_with(&path) || path.starts_with(mount)) {
            let message =
                format!("'{}' cannot be shared: what others share is mounted at '{}'", path.display(), mount.display());
            return Err(
                ApiError::new(ErrorCode::BadRequest, message).help("share another folder, or mount it elsewhere")
            );
        }
        let name =
            request.name.clone().map_or_else(|| name_of(&path), |name| ShareName::new(name).map_err(bad_name))?;
        if self.sharing.named(name.as_str()).is_some() {
            let message = format!("this machine has a share '{name}' already");
            return Err(ApiError::new(ErrorCode::DuplicateName, message).help("give another name: --name NAME"));
        }
        let machines = request.to.iter().map(|name| self.find_machine(name)).collect::<Result<BTreeSet<_>, _>>()?;
        if machines.contains(&self.me) {
            let message = "this machine reads its own folders as they are: name others that are to see it";
            return Err(ApiError::new(ErrorCode::BadRequest, message));
        }
        let to = if machines.is_empty() { Audience::Everyone } else { Audience::Machines(machines) };
        Ok(Kept { name, path, to })
    }

    /// Shows a folder no more; the folder itself stays as it is.
    pub(super) fn remove_share(&mut self, request: &ShareRemoveRequest, reply: Reply) {
        let Some(share) = self.sharing.named(&request.name) else {
            let message = format!("this machine has no share '{}'", request.name);
            let error = ApiError::new(ErrorCode::BadReference, message).help("list them with: gridwell share list");
            _ = reply.send(Err(error));
            return;
        };
        if let Some(own) = self.sharing.own.remove(&share) {
            own.folder.close();
        }
        self.take_copies_back(share);
        self.keep_shares(None, reply);
    }

    fn keep_shares(&mut self, added: Option<ShareId>, reply: Reply) {
        self.sharing.waiting.push((added, reply));
        self.write_shares();
    }

    /// One write at a time: an older state never comes after a newer one.
    fn write_shares(&mut self) {
        if self.sharing.writing || self.sharing.waiting.is_empty() {
            return;
        }
        self.sharing.writing = true;
        let (store, bytes) = (self.store.clone(), self.sharing.kept());
        let waiting = std::mem::take(&mut self.sharing.waiting);
        self.spawn(async move { Fact::SharesKept(store.put_meta(OWN_KEY, bytes).await, waiting) });
    }

    /// What this machine shares is written down, or could not be: then what was to be added is not.
    pub(super) fn on_shares_kept(&mut self, kept: Result<(), StoreError>, waiting: Vec<(Option<ShareId>, Reply)>) {
        self.sharing.writing = false;
        if kept.is_err() {
            waiting.iter().filter_map(|(added, _)| *added).for_each(|share| drop(self.sharing.own.remove(&share)));
        }
        self.tell_shares();
        self.follow_roots();
        for (_, reply) in waiting {
            let answer = kept.as_ref().map(|()| Response::Shares(self.share_views())).map_err(storage);
            // The asker has gone.
            let _ = reply.send(answer);
        }
        self.write_shares();
    }

    /// Tells every machine that can be reached which folders it is shown.
    pub(super) fn tell_shares(&mut self) {
        let others = self.machines.others().iter().filter(|(_, machine)| machine.online);
        let online: Vec<_> = others.map(|(peer, _)| *peer).collect();
        online.into_iter().for_each(|peer| self.tell_shares_to(peer));
    }

    /// Tells a machine which folders it is shown.
    pub(super) fn tell_shares_to(&mut self, peer: PeerId) {
        let shown = self.sharing.own.iter().filter(|(_, own)| own.kept.to.includes(peer));
        let shown = shown.filter(|_| self.may(peer, Role::Files));
        let reports = shown.map(|(share, own)| ShareReport { share: *share, name: own.kept.name.clone() }).collect();
        if let Err(error) = self.send(peer, &Message::Shares(reports)) {
            tracing::debug!(%error, "a machine was not told which folders it is shown");
        }
    }

    /// A machine tells which folders it shows this one.
    pub(super) fn on_shares(&mut self, peer: PeerId, mut reports: Vec<ShareReport>) {
        reports.truncate(ShareReport::MAX);
        reports.sort();
        let mut names = BTreeSet::new();
        reports.retain(|report| names.insert(report.name.clone()));
        if self.sharing.seen.get(&peer).is_some_and(|known| *known == reports) {
            return;
        }
        self.sharing.seen.insert(peer, reports);
        self.keep_seen();
        self.follow_roots();
    }

    /// A machine is no member any more: what it shared is not there.
    pub(super) fn forget_shares_of(&mut self, peer: PeerId) {
        if self.sharing.seen.remove(&peer).is_some() {
            self.keep_seen();
        }
        self.forget_editions_of(peer);
    }

    fn keep_seen(&mut self) {
        self.sharing.seen_anew = true;
        self.write_seen();
    }

    fn write_seen(&mut self) {
        if self.sharing.keeping_seen || !std::mem::take(&mut self.sharing.seen_anew) {
            return;
        }
        self.sharing.keeping_seen = true;
        let store = self.store.clone();
        let bytes = postcard::to_stdvec(&self.sharing.seen).expect("shares are plain data");
        self.spawn(async move { Fact::SeenKept(store.put_meta(SEEN_KEY, bytes).await) });
    }

    pub(super) fn on_seen_kept(&mut self, kept: Result<(), StoreError>) {
        if let Err(error) = kept {
            tracing::warn!(%error, "shares of other machines were not kept");
        }
        self.sharing.keeping_seen = false;
        self.write_seen();
    }

    /// Shows readers of the tree what is at its top now.
    pub(crate) fn follow_roots(&mut self) {
        self.follow_reach();
        let others = self.machines.others();
        let own = self
            .sharing
            .own
            .iter()
            .map(|(share, own)| (own.kept.name.to_string(), RootShare::here(*share, &own.folder)));
        let this =
            RootMachine { peer: self.me, name: self.machines.name(self.me), online: true, shares: own.collect() };
        let theirs = others.iter().map(|(peer, machine)| {
            let shares = self.sharing.seen.get(peer).map(Vec::as_slice).unwrap_or_default();
            let shares = shares.iter().map(|report| (report.name.to_string(), RootShare::there(report.share)));
            // What it shows is read from copies, also by who never met it.
            let copied = if machine.online { Vec::new() } else { self.tree.copies.shares_of(*peer) };
            let shares = copied.into_iter().map(|(share, name)| (name, RootShare::there(share))).chain(shares);
            let name = self.machines.name(*peer);
            RootMachine { peer: *peer, name, online: machine.online, shares: shares.collect() }
        });
        let roots = Roots::of(std::iter::once(this).chain(theirs));
        self.sharing.roots.send_if_modified(|known| {
            let changed = **known != roots;
            if changed {
                *known = Arc::new(roots);
            }
            changed
        });
    }

    /// Shares of this machine, then those that others show it.
    pub(super) fn share_views(&self) -> Vec<ShareView> {
        let roots = self.sharing.roots.borrow().clone();
        let views = roots.machines().flat_map(|(path, machine)| {
            machine.shares.iter().map(move |(name, share)| {
                let own = self.sharing.own.get(&share.id).filter(|_| machine.peer == self.me);
                let to = match own.map(|own| &own.kept.to) {
                    Some(Audience::Machines(machines)) => {
                        machines.iter().map(|peer| self.machines.name(*peer)).collect()
                    }
                    Some(Audience::Everyone) | None => Vec::new(),
                };
                ShareView {
                    id: share.id,
                    name: name.clone(),
                    machine: machine.peer,
                    machine_name: machine.name.clone(),
                    online: machine.online,
                    at: format!("/{path}/{name}"),
                    path: own.map(|own| own.kept.path.to_string_lossy().into_owned()),
                    to,
                    copies: self.tree.copies.view((machine.peer, share.id), |peer| self.machines.name(peer)),
                }
            })
        });
        let mut views: Vec<_> = views.collect();
        views.sort_by_key(|view| view.machine != self.me);
        views
    }
}

/// Where a folder lies, if it may be shared.
fn check(path: &Path, data: &Path) -> Result<PathBuf, ApiError> {
    let unreadable = |source: std::io::Error| {
        let is_missing = source.kind() == std::io::ErrorKind::NotFound;
        let code = if is_missing { ErrorCode::MissingFile } else { ErrorCode::Unreadable };
        ApiError::new(code, format!("'{}' cannot be shared: {source}", path.display()))
    };
    if !path.is_absolute() {
        return Err(ApiError::new(ErrorCode::BadRequest, format!("'{}' is no absolute path", path.display())));
    }
    let path = path.canonicalize().map_err(unreadable)?;
    std::fs::read_dir(&path).map_err(unreadable)?;
    let data = data.canonicalize().map_err(unreadable)?;
    if data.starts_with(&path) || path.starts_with(&data) {
        let message = format!("'{}' cannot be shared: the keys of this machine lie in it or beside it", path.display());
        return Err(
            ApiError::new(ErrorCode::BadRequest, message).help("share a folder that holds only what others may see")
        );
    }
    Ok(path)
}

/// What a folder is called as a share when nobody says otherwise.
fn name_of(path: &Path) -> Result<ShareName, ApiError> {
    let last = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    ShareName::new(last).map_err(|error| bad_name(error).help("give it a name: --name NAME"))
}

fn bad_name(error: ShareNameError) -> ApiError {
    ApiError::new(ErrorCode::BadValue, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_the_keys_of_the_machine_is_not_shared() {
        let temp = tempfile::tempdir().unwrap();
        let (data, projects) = (temp.path().join("data"), temp.path().join("projects"));
        for folder in [&data.join("blobs"), &projects] {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::os::unix::fs::symlink(&data, temp.path().join("alias")).unwrap();
        for bad in ["", "data", "data/blobs", "alias", "projects/..", "nothing"] {
            assert!(check(&temp.path().join(bad), &data).is_err(), "{bad}");
        }
        assert!(check(Path::new("projects"), &data).is_err(), "relative to what?");
        assert_eq!(check(&projects, &data).unwrap(), projects.canonicalize().unwrap());
    }
}
