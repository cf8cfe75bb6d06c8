//! What lies here of other machines' files, and what is remembered of them.

use std::collections::BTreeMap;

use gridwell_api::{FileFreed, FilePlaceView, FileVerified, FileView, FilesPage};
use gridwell_model::{BlobId, EntryKind, RelPath, TreeEntry};
use gridwell_mount::TreePath;
use gridwell_store::{KnownFile, Spot};
use gridwell_wire::{TreePage, TreeWish};

use super::{
    MAX_ENTRY_BYTES, Place, ShareAt, ShareKey, Tree, TreeError, Whose, copies::KeptAt, file_view, folder_named,
    jobs::below, origin::SharedAt, place::at_spot, shown,
};

/// What something of the tree is, as its machine says, or as it is remembered here while that does not answer.
#[derive(Debug)]
pub(crate) struct Told<T> {
    pub(crate) what: T,
    /// True if its machine said it.
    pub(crate) online: bool,
}

impl Tree {
    /// A page of a folder, with what lies here of it. A file is listed as itself.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if there is no such folder, or nothing is known of it.
    pub(crate) async fn page(&self, path: &TreePath, after: Option<&[u8]>) -> Result<FilesPage, TreeError> {
        let Told { what: page, online } = match self.list(path, after).await {
            Err(TreeError::NotAFolder { .. }) if after.is_none() => {
                let file = self.look_at(path).await?;
                return Ok(FilesPage { path: shown(path), online: file.online, files: vec![file], more: false });
            }
            listed => listed?,
        };
        let roots = self.roots.borrow().clone();
        let mut files = Vec::with_capacity(page.entries.len());
        let place = self.place(path, &roots).await?;
        if let Place::Share(ShareAt { local: None, id: Whose::Share(share), peer, .. }, rest) = place {
            let folder = Spot { peer, share, path: rest };
            let known = by_name(self.known_below(&folder).await?, &folder);
            for entry in &page.entries {
                let here = known.get(&entry.name).map(Vec::as_slice).unwrap_or_default();
                files.push(self.view(entry, &child(&folder, &entry.name), here, online));
            }
        } else {
            for entry in &page.entries {
                let at = path.child(&entry.name).map_err(|_| TreeError::Missing { path: shown(path) })?;
                files.push(self.view_at(&at, entry, online).await?);
            }
        }
        Ok(FilesPage { path: shown(path), files, more: page.more, online })
    }

    /// What lies at a path, and what of it lies here.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if there is nothing, or nothing is known of it.
    pub(crate) async fn look_at(&self, path: &TreePath) -> Result<FileView, TreeError> {
        let Told { what: entry, online } = self.stat(path).await?;
        self.view_at(path, &entry, online).await
    }

    /// Makes room of what lies here at a path: never of what is kept or in use, and of a file only if its machine has it still.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if the path leads into no share of another machine, or the disk refuses.
    pub(crate) async fn free(&self, path: &TreePath) -> Result<FileFreed, TreeError> {
        let (mut freed, mut silent) = (FileFreed::default(), false);
        for file in self.known_below(&self.spot_of(path)?).await? {
            if self.objects.here_bytes(file.blob) == 0 {
                continue;
            }
            let key = (file.spot.peer, file.spot.share);
            if self.keeping.keeps(&file.spot) || self.copies.keeps(key, file.blob) {
                freed.kept += 1;
                continue;
            }
            // A machine that did not answer once is not asked for each of its files.
            let there = if silent { Ok(false) } else { self.is_there(&file).await };
            silent |= there.as_ref().is_err_and(TreeError::may_pass);
            let elsewhere = there.is_err() || silent;
            let elsewhere = elsewhere && self.copies.is_held_elsewhere(key, file.blob);
            if !there.unwrap_or_default() && !elsewhere {
                freed.last += 1;
                continue;
            }
            let bytes = self.objects.free(file.blob).await.map_err(|error| TreeError::of_disk(&error))?;
            freed.bytes += bytes;
            if bytes > 0 && freed.paths.len() < FileFreed::MAX_PATHS {
                freed.paths.extend(at_spot(&self.roots.borrow(), &file.spot).as_ref().map(shown));
            }
            // Nothing went: another file of the same content is kept, or somebody reads it.
            *if bytes > 0 { &mut freed.files } else { &mut freed.kept } += 1;
        }
        Ok(freed)
    }

    /// Machines that have something of what lies at a path, as far as that is known here, its owner first: those that keep copies are named
    /// while they are away, too.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if the path leads into no share, or nothing is known of it.
    pub(crate) async fn places(&self, path: &TreePath) -> Result<Vec<FilePlaceView>, TreeError> {
        let roots = self.roots.borrow().clone();
        let Place::Share(share, rest) = self.place(path, &roots).await? else {
            return Err(TreeError::NotAFile { path: shown(path) });
        };
        let Told { what: entry, online } = self.stat(path).await?;
        let file = self.view_at(path, &entry, online).await?;
        let version = match entry.kind {
            EntryKind::File { version, .. } => Some(version),
            _ => None,
        };
        let (mut known_bytes, mut kept) = (0, KeptAt::default());
        if let Some(spot) = share.spot(rest) {
            known_bytes = self.known_below(&spot).await?.iter().map(|file| file.version.size_bytes).sum();
            kept = self.copies.kept_at(&spot, version);
        }
        let size_bytes = version.map_or(kept.bytes.max(known_bytes), |version| version.size_bytes);
        let owner = FilePlaceView {
            machine: share.peer,
            name: share.machine,
            online: online && share.online,
            here_bytes: size_bytes,
            size_bytes,
            kept: true,
            owner: true,
        };
        let here = file.here_bytes.filter(|bytes| *bytes > 0 || file.kept).map(|here_bytes| FilePlaceView {
            machine: self.transfer.me,
            name: roots.name_of(self.transfer.me),
            online: true,
            here_bytes,
            kept: file.kept,
            owner: false,
            ..owner.clone()
        });
        let elsewhere = kept.by.into_iter().map(|keeper| FilePlaceView {
            machine: keeper.peer,
            name: roots.name_of(keeper.peer),
            online: keeper.online,
            here_bytes: keeper.bytes,
            owner: false,
            ..owner.clone()
        });
        Ok([vec![owner.clone()], here.into_iter().collect(), elsewhere.collect()].concat())
    }

    /// Checks what lies here at a path against its hashes, and drops what is wrong: it comes anew when it is read.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if the path leads into no share of another machine, or what is wrong cannot be dropped.
    pub(crate) async fn verify(&self, path: &TreePath) -> Result<FileVerified, TreeError> {
        let mut verified = FileVerified::default();
        for file in self.known_below(&self.spot_of(path)?).await? {
            let checked = self.objects.check(file.blob).await.map_err(|error| TreeError::of_disk(&error))?;
            verified.files += u64::from(checked.bytes > 0);
            verified.bytes += checked.bytes;
            verified.wrong_bytes += checked.wrong_bytes;
            if checked.wrong_bytes > 0 && verified.wrong.len() < FileVerified::MAX_WRONG {
                verified.wrong.extend(at_spot(&self.roots.borrow(), &file.spot).map(|path| shown(&path)));
            }
        }
        Ok(verified)
    }

    /// What is remembered of a folder; nothing if no file below it is.
    pub(super) async fn remembered_page(
        &self,
        folder: Option<Spot>,
        after: Option<&[u8]>,
    ) -> Result<Option<TreePage>, TreeError> {
        let Some(folder) = &folder else { return Ok(None) };
        let known = self.remembered_below(folder).await?;
        if known.is_empty() || known.iter().any(|file| file.spot == *folder) {
            return Ok(None);
        }
        let new =
            by_name(known, folder).into_iter().filter(|(name, _)| after.is_none_or(|after| name.as_slice() > after));
        let entries = new.map(|(name, files)| remembered_as(&child(folder, &name), &files, &name));
        let mut entries: Vec<_> = entries.take(TreePage::MAX_ENTRIES + 1).collect();
        let more = entries.len() > TreePage::MAX_ENTRIES;
        entries.truncate(TreePage::MAX_ENTRIES);
        Ok(Some(TreePage { entries, more }))
    }

    /// What is remembered of a file or folder.
    pub(super) async fn remembered(&self, spot: Option<Spot>, name: &[u8]) -> Result<Option<TreeEntry>, TreeError> {
        let Some(spot) = spot else { return Ok(None) };
        let known = self.remembered_below(&spot).await?;
        Ok((!known.is_empty()).then(|| remembered_as(&spot, &known, name)))
    }

    /// The hash of that version of a file, if it is remembered.
    pub(super) async fn remembered_blob(&self, at: &SharedAt) -> Option<BlobId> {
        let spot = at.spot()?;
        let known = self.remembered_below(&spot).await.ok()?;
        known.into_iter().find(|file| file.spot == spot && file.version == at.version).map(|file| file.blob)
    }

    /// Files that are known at a spot, or below it: those that the owner of the share listed, else those of which something was read
    /// here. What was read since the list was made is newer.
    async fn remembered_below(&self, spot: &Spot) -> Result<Vec<KnownFile>, TreeError> {
        let read = self.known_below(spot).await?;
        let Some(mut listed) = self.copies.listed(spot) else { return Ok(read) };
        for file in read {
            if let Ok(at) = listed.binary_search_by(|listed| listed.spot.cmp(&file.spot))
                && listed[at].version.changed_ns < file.version.changed_ns
            {
                listed[at] = file;
            }
        }
        Ok(listed)
    }

    /// Remembers a file whose content comes here. Whoever reads it does not wait for that.
    pub(super) fn remember(&self, at: &SharedAt, blob: BlobId) {
        let SharedAt { version, executable, .. } = *at;
        // Results of jobs come home by themselves.
        let Some(spot) = at.spot() else { return };
        let file = KnownFile { spot, version, blob, executable };
        self.keeping.hold(&file.spot, || self.transfer.blobs.hold(blob));
        let files = self.known.clone();
        tokio::spawn(async move {
            let noted = match files.at(file.spot.clone()).await {
                Ok(Some(known)) if known == file => Ok(()),
                _ => files.note(file).await,
            };
            if let Err(error) = noted {
                tracing::warn!(%error, "a file is not remembered: it will not be found here while its machine is away");
            }
        });
    }

    /// Where a path leads among the shares of other machines.
    pub(super) fn spot_of(&self, path: &TreePath) -> Result<Spot, TreeError> {
        let no_share = || TreeError::NoShare { path: shown(path) };
        if below(path).is_some() {
            return Err(no_share());
        }
        match Place::of(path, &self.roots.borrow())? {
            Place::Share(share, rest) if share.local.is_none() => share.spot(rest).ok_or_else(no_share),
            Place::Share(..) => Err(TreeError::Own { path: shown(path) }),
            Place::Top | Place::Machine(_) | Place::Jobs => Err(no_share()),
        }
    }

    async fn view_at(&self, path: &TreePath, entry: &TreeEntry, online: bool) -> Result<FileView, TreeError> {
        let roots = self.roots.borrow().clone();
        match self.place(path, &roots).await? {
            Place::Share(share, rest) if share.local.is_none() => {
                let Some(spot) = share.spot(rest) else { return Ok(FileView { online, ..file_view(entry) }) };
                let known = self.known_below(&spot).await?;
                Ok(self.view(entry, &spot, &known, online && share.online))
            }
            Place::Machine(machine) if machine.peer != self.transfer.me => {
                let mut here_bytes = 0;
                for share in machine.shares.values() {
                    let spot = Spot { peer: machine.peer, share: share.id, path: None };
                    here_bytes += self.here_bytes(&self.known_below(&spot).await?);
                }
                Ok(FileView { here_bytes: Some(here_bytes), online: machine.online, ..file_view(entry) })
            }
            Place::Top | Place::Machine(_) | Place::Jobs | Place::Share(..) => Ok(file_view(entry)),
        }
    }

    /// `known` is what is known at `spot` and below it.
    fn view(&self, entry: &TreeEntry, spot: &Spot, known: &[KnownFile], online: bool) -> FileView {
        let here_bytes = match &entry.kind {
            EntryKind::File { version, .. } => {
                let same = known.iter().find(|file| file.spot == *spot && file.version == *version);
                same.map_or(0, |file| self.objects.here_bytes(file.blob))
            }
            EntryKind::Folder => self.here_bytes(known),
            EntryKind::Link { .. } | EntryKind::Hidden => 0,
        };
        let is_whole = matches!(entry.kind, EntryKind::File { .. }) && here_bytes == entry.size_bytes();
        let fetching = !is_whole && self.keeping.is_fetching(spot);
        let is_folder = matches!(entry.kind, EntryKind::Folder);
        let known_bytes = is_folder.then(|| known.iter().map(|file| file.version.size_bytes).sum());
        let outdated = online && !is_folder && here_bytes == 0 && self.here_bytes(known) > 0;
        FileView {
            known_bytes,
            outdated,
            here_bytes: Some(here_bytes),
            kept: self.keeping.keeps(spot),
            fetching,
            online,
            ..file_view(entry)
        }
    }

    fn here_bytes(&self, files: &[KnownFile]) -> u64 {
        files.iter().map(|file| self.objects.here_bytes(file.blob)).sum()
    }

    async fn known_below(&self, spot: &Spot) -> Result<Vec<KnownFile>, TreeError> {
        self.known.below(spot.clone()).await.map_err(|error| TreeError::of_store(&error))
    }

    /// True if the machine whose file it is says that it is that version still.
    async fn is_there(&self, file: &KnownFile) -> Result<bool, TreeError> {
        let roots = self.roots.borrow().clone();
        let Some(path) = at_spot(&roots, &file.spot) else { return Ok(false) };
        let Place::Share(share, rest) = Place::of(&path, &roots)? else { return Ok(false) };
        let wish = TreeWish::Stat { path: rest };
        let entry: TreeEntry = self.answer(&path, &share, wish, MAX_ENTRY_BYTES).await?;
        Ok(matches!(entry.kind, EntryKind::File { version, .. } if version == file.version))
    }
}

impl ShareAt {
    /// Which share it is; none for what jobs made.
    pub(super) const fn key(&self) -> Option<ShareKey> {
        match self.id {
            Whose::Share(share) => Some((self.peer, share)),
            Whose::Job(_) => None,
        }
    }

    /// Where something below it is among the shares of machines; nowhere for what jobs made.
    pub(super) fn spot(&self, path: Option<RelPath>) -> Option<Spot> {
        match self.id {
            Whose::Share(share) => Some(Spot { peer: self.peer, share, path }),
            Whose::Job(_) => None,
        }
    }
}

impl SharedAt {
    fn spot(&self) -> Option<Spot> {
        self.share.spot(Some(self.rest.clone()))
    }
}

fn child(folder: &Spot, name: &[u8]) -> Spot {
    let path = match &folder.path {
        Some(path) => path.join(name),
        None => RelPath::new(name),
    };
    Spot { path: path.ok(), ..folder.clone() }
}

/// Files below a folder, by the name in it that leads to them.
fn by_name(known: Vec<KnownFile>, folder: &Spot) -> BTreeMap<Vec<u8>, Vec<KnownFile>> {
    let above = folder.path.as_ref().map_or(0, |path| path.as_bytes().len() + 1);
    let mut named = BTreeMap::<_, Vec<_>>::new();
    for file in known {
        let path = file.spot.path.as_ref().map(RelPath::as_bytes).unwrap_or_default();
        let name = path.get(above..).unwrap_or_default().split(|byte| *byte == b'/').next().unwrap_or_default();
        named.entry(name.to_vec()).or_default().push(file);
    }
    named
}

/// What files below a spot, or at it, tell of what lies there.
fn remembered_as(spot: &Spot, known: &[KnownFile], name: &[u8]) -> TreeEntry {
    match known.iter().find(|file| file.spot == *spot) {
        Some(&KnownFile { version, blob, executable, .. }) => TreeEntry {
            name: name.to_vec(),
            kind: EntryKind::File { version, blob: Some(blob), executable },
            modified_ns: version.modified_ns,
        },
        None => folder_named(name),
    }
}

#[cfg(test)]
mod tests {
    use gridwell_model::{PeerId, ShareId, Version};

    use super::*;

    fn spot(path: &str) -> Spot {
        Spot { peer: PeerId([1; 32]), share: ShareId([2; 10]), path: RelPath::new(path).ok() }
    }

    fn file(path: &str) -> KnownFile {
        let version = Version { size_bytes: 1, modified_ns: 7, changed_ns: 7, number: 7 };
        KnownFile { spot: spot(path), version, blob: BlobId::of(path.as_bytes()), executable: true }
    }

    #[test]
    fn known_files_tell_what_is_in_a_folder() {
        let known = || ["a/b", "a/c/d", "a/c/e"].map(file).to_vec();
        let named = by_name(known(), &spot("a"));
        assert_eq!(named[&b"b"[..]], [file("a/b")]);
        assert_eq!(named[&b"c"[..]], [file("a/c/d"), file("a/c/e")]);
        assert_eq!(by_name(known(), &spot(""))[&b"a"[..]].len(), 3);
        for (name, is_file) in [("b", true), ("c", false)] {
            let at = child(&spot("a"), name.as_bytes());
            let entry = remembered_as(&at, &named[name.as_bytes()], name.as_bytes());
            assert_eq!(entry.name, name.as_bytes());
            assert_eq!(matches!(entry.kind, EntryKind::File { executable: true, .. }), is_file, "{name}");
        }
    }
}
