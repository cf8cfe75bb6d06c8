use std::sync::atomic::Ordering::Relaxed;

use nfs3_client::{
    Nfs3Connection, Nfs3ConnectionBuilder,
    nfs3_types::{
        nfs3::{
            GETATTR3args, LOOKUP3args, Nfs3Result, READ3args, READDIRPLUS3args, READLINK3args, REMOVE3args,
            cookieverf3, diropargs3, fattr3, ftype3, nfs_fh3, nfsstat3,
        },
        rpc::{auth_unix, opaque_auth},
        xdr_codec::Opaque,
    },
    tokio::{TokioConnector, TokioIo},
};
use tokio::net::TcpStream;

use super::*;
use crate::memory::MemoryTree;

type Connection = Nfs3Connection<TokioIo<TcpStream>>;

/// A client as the system's own is one, and the tree that it sees.
struct Client {
    nfs: Connection,
    server: NfsServer,
    tree: Arc<MemoryTree>,
}

async fn serve(tree: MemoryTree) -> Client {
    let tree = Arc::new(tree);
    let options = MountOptions { read_deadline: Duration::from_millis(50), ..MountOptions::default() };
    let server = serve_nfs(tree.clone(), &options).await.unwrap();
    let nfs = connect(&server, &server.export(), geteuid()).await.unwrap();
    Client { nfs, server, tree }
}

fn geteuid() -> u32 {
    Owner::this().user
}

async fn connect(server: &NfsServer, path: &str, uid: u32) -> Result<Connection, nfs3_client::ConnectError> {
    let auth = auth_unix { stamp: 0, machinename: Opaque::borrowed(b"here"), uid, gid: 0, gids: Vec::new() };
    Nfs3ConnectionBuilder::new(TokioConnector, "127.0.0.1", path)
        .connect_from_privileged_port(false)
        .mount_port(server.address().port())
        .nfs3_port(server.address().port())
        .credential(opaque_auth::auth_unix(&auth))
        .mount()
        .await
}

impl Client {
    async fn find(&mut self, folder: &nfs_fh3, name: &str) -> Result<nfs_fh3, nfsstat3> {
        let what = diropargs3 { dir: folder.clone(), name: name.as_bytes().into() };
        match self.nfs.lookup(&LOOKUP3args { what }).await.unwrap() {
            Nfs3Result::Ok(found) => Ok(found.object),
            Nfs3Result::Err((status, _)) => Err(status),
        }
    }

    async fn find_here(&mut self, name: &str) -> Result<nfs_fh3, nfsstat3> {
        let root = self.nfs.root_nfs_fh3();
        self.find(&root, name).await
    }

    async fn attributes(&mut self, of: &nfs_fh3) -> Result<fattr3, nfsstat3> {
        match self.nfs.getattr(&GETATTR3args { object: of.clone() }).await.unwrap() {
            Nfs3Result::Ok(found) => Ok(found.obj_attributes),
            Nfs3Result::Err((status, _)) => Err(status),
        }
    }

    /// Bytes, and whether they end the file.
    async fn read(&mut self, file: &nfs_fh3, offset: u64, count: u32) -> Result<(Vec<u8>, bool), nfsstat3> {
        match self.nfs.read(&READ3args { file: file.clone(), offset, count }).await.unwrap() {
            Nfs3Result::Ok(read) => Ok((read.data.to_vec(), read.eof)),
            Nfs3Result::Err((status, _)) => Err(status),
        }
    }

    async fn names(&mut self, dir: &nfs_fh3) -> Result<Vec<String>, nfsstat3> {
        let (mut names, mut cookie, mut cookieverf) = (Vec::new(), 0, cookieverf3::default());
        loop {
            let args = READDIRPLUS3args { dir: dir.clone(), cookie, cookieverf, dircount: 65_536, maxcount: 65_536 };
            let part = match self.nfs.readdirplus(&args).await.unwrap() {
                Nfs3Result::Ok(part) => part,
                Nfs3Result::Err((status, _)) => return Err(status),
            };
            for entry in part.reply.entries.into_inner() {
                names.push(String::from_utf8_lossy(entry.name.as_ref()).into_owned());
                cookie = entry.cookie;
            }
            if part.reply.eof {
                return Ok(names);
            }
            cookieverf = part.cookieverf;
        }
    }
}

#[tokio::test]
async fn files_folders_and_links_are_there() {
    let tree = MemoryTree::new().folder("f").file("f/a", "hello").link("l", "f/a");
    let mut client = serve(tree).await;
    let root = client.nfs.root_nfs_fh3();
    assert_eq!(client.names(&root).await.unwrap(), ["f", "l"]);

    let folder = client.find_here("f").await.unwrap();
    let file = client.find(&folder, "a").await.unwrap();
    let attributes = client.attributes(&file).await.unwrap();
    assert_eq!((attributes.type_, attributes.size, attributes.mode), (ftype3::NF3REG, 5, 0o444));
    assert_eq!((attributes.mtime.seconds, attributes.mtime.nseconds), (1_700_000_000, 123_456_789));
    assert_eq!(client.read(&file, 0, 100).await, Ok((b"hello".to_vec(), true)));
    assert_eq!(client.read(&file, 1, 2).await, Ok((b"el".to_vec(), false)));
    assert_eq!(client.read(&file, 9, 1).await, Ok((Vec::new(), true)));

    let symlink = client.find_here("l").await.unwrap();
    let target = client.nfs.readlink(&READLINK3args { symlink }).await.unwrap().unwrap();
    assert_eq!(target.data.0.as_ref(), b"f/a");
    assert_eq!(client.find_here("nothing").await, Err(nfsstat3::NFS3ERR_NOENT));
    assert_eq!(client.read(&folder, 0, 1).await, Err(nfsstat3::NFS3ERR_ISDIR));
    assert_eq!(client.find_here("..").await, Err(nfsstat3::NFS3ERR_NOENT));
}

#[tokio::test]
async fn a_large_folder_is_listed_whole_and_moves_no_content() {
    let mut tree = MemoryTree::new();
    for number in 0..5_000 {
        tree = tree.zeroes(&format!("{number:04}"), 1 << 30);
    }
    let mut client = serve(tree).await;
    let root = client.nfs.root_nfs_fh3();

    let names = client.names(&root).await.unwrap();

    assert_eq!((names.len(), names.is_sorted()), (5_000, true));
    let asked = &client.tree.asked;
    assert_eq!((asked.bytes.load(Relaxed), asked.lists.load(Relaxed)), (0, 5), "each part is asked for once");
}

#[tokio::test]
async fn a_read_asks_for_exactly_what_is_read_and_opens_once() {
    let mut client = serve(MemoryTree::new().zeroes("a", 10 << 30)).await;
    let file = client.find_here("a").await.unwrap();
    for offset in [5 << 30, 0, 7] {
        client.read(&file, offset, 1).await.unwrap();
    }
    let asked = &client.tree.asked;
    assert_eq!((asked.reads.load(Relaxed), asked.bytes.load(Relaxed), asked.opens.load(Relaxed)), (3, 3, 1));
}

#[tokio::test]
async fn a_replaced_file_makes_its_old_handle_stale() {
    let mut client = serve(MemoryTree::new().file("a", "old")).await;
    let old = client.find_here("a").await.unwrap();
    client.read(&old, 0, 3).await.unwrap();

    client.tree.write("a", "brand new");
    client.server.vfs.doubt(&crate::TreePath::root().child(b"a").unwrap());

    assert_eq!(client.attributes(&old).await.unwrap_err(), nfsstat3::NFS3ERR_STALE);
    let new = client.find_here("a").await.unwrap();
    assert_ne!(new, old);
    assert_eq!(client.read(&new, 0, 100).await, Ok((b"brand new".to_vec(), true)));
}

#[tokio::test]
async fn nothing_can_be_written_and_what_hangs_ends() {
    let mut client = serve(MemoryTree::new().file("a", "x").silent_file("hangs")).await;
    let object = diropargs3 { dir: client.nfs.root_nfs_fh3(), name: b"a".as_slice().into() };
    let Nfs3Result::Err((status, _)) = client.nfs.remove(&REMOVE3args { object }).await.unwrap() else {
        panic!("it was removed")
    };
    assert_eq!(status, nfsstat3::NFS3ERR_ROFS);
    let hangs = client.find_here("hangs").await.unwrap();
    assert_eq!(client.read(&hangs, 0, 1).await, Err(nfsstat3::NFS3ERR_IO));
}

#[tokio::test]
async fn only_who_knows_the_secret_gets_in_and_nobody_once_it_is_shut() {
    let client = serve(MemoryTree::new().file("a", "x")).await;
    let server = &client.server;
    assert!(connect(server, "/guess", geteuid()).await.is_err());
    assert!(connect(server, &server.export(), geteuid() + 1).await.is_err(), "another user");

    let before = connect(server, "/", geteuid()).await.unwrap();
    let mut outside = Client { nfs: before, server: serve(MemoryTree::new()).await.server, tree: client.tree.clone() };
    let gate = outside.nfs.root_nfs_fh3();
    assert_eq!(outside.names(&gate).await, Err(nfsstat3::NFS3ERR_STALE));
    assert_eq!(outside.find(&gate, "a").await, Err(nfsstat3::NFS3ERR_NOENT));

    server.shut();
    assert!(connect(server, &server.export(), geteuid()).await.is_err());
}

#[tokio::test]
async fn handles_of_another_start_are_not_taken() {
    let mut client = serve(MemoryTree::new().file("a", "x")).await;
    let mut other = serve(MemoryTree::new().file("a", "secret")).await;
    let foreign = other.find_here("a").await.unwrap();
    assert!(client.read(&foreign, 0, 1).await.is_err());
}

#[tokio::test]
async fn the_system_is_told_how_to_mount_it() {
    let client = serve(MemoryTree::new()).await;
    let arguments = client.server.mount_arguments(Path::new("/Users/ann/Gridwell"));
    let port = client.server.address().port();
    assert!(arguments[1].to_str().unwrap().contains(&format!("port={port},mountport={port}")));
    assert_eq!(arguments[2].to_str().unwrap(), format!("127.0.0.1:{}", client.server.export()));
    assert_eq!(arguments[3], "/Users/ann/Gridwell");
}
