use std::collections::VecDeque;

use crate::{
    Kind, TreeError, TreePath,
    vfs::{Known, Vfs, VfsError},
};

/// Links on one way; more are taken for a ring. Linux gives up at as many.
const MAX_LINKS: usize = 40;

/// What `path` leads to, and where that lies: links are followed here, since only some accounts of Windows may make or follow them.
///
/// # Errors
///
/// [`VfsError::IsALink`] if links lead in a ring; [`TreeError::TimedOut`] if the whole way takes too long; else as the tree says.
pub(super) async fn follow(vfs: &Vfs, path: &TreePath) -> Result<(TreePath, Known), VfsError> {
    vfs.in_time(walk(vfs, path)).await
}

async fn walk(vfs: &Vfs, path: &TreePath) -> Result<(TreePath, Known), VfsError> {
    let mut ahead: VecDeque<Vec<u8>> = path.parts().map(<[u8]>::to_vec).collect();
    let mut at = TreePath::root();
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        match part.as_slice() {
            b"" | b"." => continue,
            b".." => {
                at = at.parent().ok_or(TreeError::NotFound)?;
                continue;
            }
            _ => {}
        }
        let next = at.child(&part)?;
        let Kind::Link { target } = vfs.at(&next).await?.entry.kind else {
            at = next;
            continue;
        };
        links += 1;
        if links > MAX_LINKS {
            return Err(VfsError::IsALink);
        }
        if target.first() == Some(&b'/') {
            return Err(TreeError::NotFound.into());
        }
        for part in target.split(|byte| *byte == b'/').rev() {
            ahead.push_front(part.to_vec());
        }
    }
    let known = vfs.at(&at).await?;
    Ok((at, known))
}
