//! What other machines ask of the folders that this one shares.

use std::{io, sync::Arc, time::Duration};

use gridwell_files::{Groups, group_count};
use gridwell_model::{BlobId, JobId, PeerId, RelPath, Role, ShareId, Version};
use gridwell_net::BulkResponder;
use gridwell_store::{ShareError, SharedFolder};
use gridwell_trust::{Identity, Ticket, open_ticket, seal_ticket};
use gridwell_wire::{BulkReply, JobFolder, TreeFault, TreePage, TreeWish};

use super::{Core, Fact, bulk::send_proof};
use crate::{
    clock,
    tree::{JobOutputs, Local, Whose, question},
};

/// Read from the disk and sent at once: a block of bulk bytes (network.md §7).
const BLOCK_BYTES: u64 = 1024 * 1024;
/// Files up to this size are hashed while the asker waits: it takes some hundredths of a second.
const HASHED_AT_ONCE_BYTES: u64 = 64 * 1024 * 1024;
/// How long it waits while other files are hashed; then it gets bytes that are not proven.
const HASH_PATIENCE: Duration = Duration::from_secs(1);

impl Core {
    /// Shows something of a share of this machine to another one, if its owner wants that.
    pub(super) fn show(&mut self, peer: PeerId, share: ShareId, wish: TreeWish, responder: BulkResponder) {
        let local = self.sharing.shown_to(peer, share).map(|folder| (Local::Share(folder), Whose::Share(share)));
        self.show_local(peer, local, wish, responder);
    }

    /// The same for what a job made of which this machine is steward.
    pub(super) fn show_made(&mut self, peer: PeerId, job: JobId, wish: TreeWish, responder: BulkResponder) {
        let local = self.homes.get(&job).map(|home| (Local::Job(home.outputs.clone()), Whose::Job(job)));
        self.show_local(peer, local, wish, responder);
    }

    fn show_local(&mut self, peer: PeerId, local: Option<(Local, Whose)>, wish: TreeWish, responder: BulkResponder) {
        if let Err(reply) = self.may_look(peer) {
            return self.refuse_bytes(responder, reply);
        }
        let Some((local, whose)) = local else { return self.refuse_bytes(responder, BulkReply::Refused) };
        let (facts, owner) = (self.facts.clone(), self.membership.identity.clone());
        self.readers.began(peer);
        self.beside.spawn(async move {
            if let Err(error) = answer((&local, whose), wish, (&owner, peer), responder).await {
                tracing::debug!(%error, machine = peer.short(), "something of the tree was not sent to its end");
            }
            // The loop has stopped: nobody counts readers any more.
            let _ = facts.send(Fact::Served(peer)).await;
        });
    }

    /// Tells another machine which jobs made something here.
    pub(super) fn show_jobs(&self, peer: PeerId, responder: BulkResponder) {
        if let Err(reply) = self.may_look(peer) {
            return self.refuse_bytes(responder, reply);
        }
        let jobs: Vec<_> = self.made_here().iter().map(|outputs| outputs.shown().clone()).collect();
        self.beside.spawn(async move {
            let bytes = encoded(&jobs);
            if let Err(error) = responder.send(bytes.len() as u64, bytes.as_slice()).await {
                tracing::debug!(%error, machine = peer.short(), "a machine was not told of jobs");
            }
        });
    }

    /// What the jobs made of which this machine is steward, those that were submitted last.
    pub(super) fn made_here(&self) -> Vec<JobOutputs> {
        let homes = self.homes.values().filter(|home| !home.spec.output_folders.is_empty());
        let mut made: Vec<_> = homes.map(|home| home.outputs.clone()).collect();
        made.sort_by_key(|outputs| std::cmp::Reverse(outputs.shown().submitted));
        made.truncate(JobFolder::MAX);
        made
    }

    /// Whether a machine may look at files here is known once its word on who belongs to the grid was heard.
    pub(super) fn may_look(&self, peer: PeerId) -> Result<(), BulkReply> {
        match self.has_heard(peer) {
            false => Err(BulkReply::Busy),
            true if self.heeds(peer) && self.may(peer, Role::Files) => Ok(()),
            true => Err(BulkReply::Refused),
        }
    }
}

async fn answer(
    (local, whose): (&Local, Whose),
    wish: TreeWish,
    (owner, reader): (&Identity, PeerId),
    responder: BulkResponder,
) -> io::Result<()> {
    let found = match wish {
        TreeWish::List { folder, after } => page(local, folder, after).await.map(|page| encoded(&page)),
        TreeWish::Stat { path } => local.stat(path).await.map(|entry| encoded(&entry)),
        TreeWish::Prove { path, version, first, count } => match local.place_of(path).await {
            Ok((folder, path)) => return prove(&folder, (path, version), (first, count), None, responder).await,
            Err(error) => Err(error),
        },
        TreeWish::Ticket { path, version } => {
            // By the path that was asked for: where that lies in a folder is the owner's business.
            let question = question(whose, &path, version);
            let found = match local.place_of(path).await {
                Ok((folder, path)) => hash(&folder, path, version).await,
                Err(error) => Err(error),
            };
            let (size_bytes, until) = (version.size_bytes, clock::stamp() + Ticket::LIFE);
            let right = |blob| Ticket { owner: owner.peer(), reader, question, blob, size_bytes, until };
            found.map(|blob| encoded(&blob.map(|blob| seal_ticket(right(blob), owner))))
        }
        TreeWish::ProveBy { path, version, first, count, ticket } => {
            let Ok(ticket) = open_ticket(&ticket) else { return responder.refuse(BulkReply::Refused).await };
            match local.place_of(path).await {
                Ok((folder, path)) => {
                    let blob = Some(ticket.blob);
                    return prove(&folder, (path, version), (first, count), blob, responder).await;
                }
                Err(error) => Err(error),
            }
        }
        TreeWish::Read { path, version, offset, bytes } => match local.place_of(path).await {
            Ok((folder, path)) => return send(&folder, (path, version), (offset, bytes), responder).await,
            Err(error) => Err(error),
        },
    };
    match found {
        Ok(bytes) => responder.send(bytes.len() as u64, bytes.as_slice()).await,
        Err(error) => refuse(responder, &error).await,
    }
}

/// One page, cut where it gets too long.
async fn page(local: &Local, folder: Option<RelPath>, after: Option<Vec<u8>>) -> Result<TreePage, ShareError> {
    let mut page = local.list(folder, after).await?;
    while encoded(&page).len() as u64 > TreePage::MAX_BYTES {
        page.entries.truncate(page.entries.len() / 2);
        page.more = true;
    }
    Ok(page)
}

fn encoded<T: serde::Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("what is told of files is plain data")
}

/// The hash of a file, if somebody can wait for it.
async fn hash(folder: &SharedFolder, path: RelPath, version: Version) -> Result<Option<BlobId>, ShareError> {
    folder.open(path.clone(), version).await?;
    let known = match version.size_bytes <= HASHED_AT_ONCE_BYTES {
        true => folder.hash(path.clone(), version, HASH_PATIENCE).await?,
        false => folder.known_hash(version),
    };
    if known.is_none() {
        folder.hash_later(path, version);
    }
    Ok(known)
}

/// Sends groups of a file with what proves them, if they are of that `blob`; a file that changes on the way breaks the stream.
async fn prove(
    folder: &SharedFolder,
    (path, version): (RelPath, Version),
    (first, count): (u64, u64),
    blob: Option<BlobId>,
    responder: BulkResponder,
) -> io::Result<()> {
    let in_file = first.checked_add(count).filter(|end| *end <= group_count(version.size_bytes));
    let in_file = in_file.filter(|_| count <= TreeWish::MAX_GROUPS);
    let Some(end) = in_file else { return responder.refuse(BulkReply::NotShown(TreeFault::Changed)).await };
    let proof = match folder.prove(path.clone(), version, Groups::from(first..end)).await {
        // Whoever passes it on would take it for a lie.
        Ok(Some(proof)) if blob.is_some_and(|blob| blob != proof.blob()) => {
            return responder.refuse(BulkReply::NotShown(TreeFault::Changed)).await;
        }
        Ok(Some(proof)) => proof,
        Ok(None) => {
            folder.hash_later(path, version);
            return responder.refuse(BulkReply::NotShown(TreeFault::NotHashed)).await;
        }
        Err(error) => return refuse(responder, &error).await,
    };
    send_proof(proof, responder).await
}

/// Sends bytes of a file, block by block; a file that changes on the way breaks the stream.
async fn send(
    folder: &SharedFolder,
    (path, version): (RelPath, Version),
    (offset, bytes): (u64, u64),
    responder: BulkResponder,
) -> io::Result<()> {
    let file = match folder.open(path, version).await {
        Ok(file) => Arc::new(file),
        Err(error) => return refuse(responder, &error).await,
    };
    let in_file = offset.checked_add(bytes).is_some_and(|end| end <= version.size_bytes);
    if !in_file || bytes > TreeWish::MAX_READ_BYTES {
        return responder.refuse(BulkReply::NotShown(TreeFault::Changed)).await;
    }
    let mut sink = responder.begin(bytes).await?;
    let mut at = offset;
    while at < offset + bytes {
        let wanted = BLOCK_BYTES.min(offset + bytes - at);
        let file = Arc::clone(&file);
        let block = tokio::task::spawn_blocking(move || {
            let mut block = vec![0; wanted as usize];
            let read = file.read_at(&mut block, at)?;
            block.truncate(read);
            Ok::<_, ShareError>(block)
        });
        let block = block.await.map_err(io::Error::other)?.map_err(io::Error::other)?;
        if block.len() as u64 != wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        sink.write(&block).await?;
        at += wanted;
    }
    sink.finish().await
}

async fn refuse(responder: BulkResponder, error: &ShareError) -> io::Result<()> {
    tracing::debug!(%error, "something of a share is not shown");
    responder.refuse(BulkReply::NotShown(fault(error))).await
}

const fn fault(error: &ShareError) -> TreeFault {
    match error {
        ShareError::Missing { .. } => TreeFault::Missing,
        ShareError::NotAFolder { .. } => TreeFault::NotAFolder,
        ShareError::NotAFile { .. } => TreeFault::NotAFile,
        ShareError::Changed { .. } => TreeFault::Changed,
        ShareError::Unreadable { .. } | ShareError::Store(_) => TreeFault::Unreadable,
    }
}
