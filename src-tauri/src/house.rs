//! The node behind the window.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use gridwell_api::{ApiError, ErrorCode};
use gridwell_node::{Config, Node};
use gridwell_serve::{Client, DataFolder, Door, Entrances};
use tokio::sync::{Mutex, Notify};

/// The node this program talks to: its own, or one that runs already.
#[derive(Debug)]
pub(crate) struct House {
    client: Client,
    own: Mutex<Option<Own>>,
    /// For the one who follows the node: what happens before it listens is never told on the desktop.
    opened: Notify,
}

/// A node inside this process.
#[derive(Debug)]
struct Own {
    node: Node,
    door: Door,
    /// Holds the lock of the data folder.
    _folder: DataFolder,
}

impl House {
    pub(crate) fn new(data: PathBuf) -> Self {
        Self { client: Client::new(data), own: Mutex::new(None), opened: Notify::new() }
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Sees to it that a node runs: uses the one that answers, else starts one here.
    ///
    /// # Errors
    ///
    /// Why no node could be started; nothing is left behind.
    pub(crate) async fn open(&self) -> Result<(), ApiError> {
        let mut own = self.own.lock().await;
        if Client::connect(self.client.data()).await.is_ok() {
            self.opened.notify_one();
            return Ok(());
        }
        // A door that does not answer any more makes room for a new one.
        if let Some(old) = own.take() {
            old.close().await;
        }
        *own = Some(Own::start(self.client.data()).await?);
        self.opened.notify_one();
        Ok(())
    }

    /// Waits until a node answers that did not, or may not have, before.
    pub(crate) async fn opened(&self) {
        self.opened.notified().await;
    }

    /// True while the node is this program's own: it ends with it.
    pub(crate) async fn is_own(&self) -> bool {
        self.own.lock().await.is_some()
    }

    /// Stops the node if it is this program's own; a node that ran before goes on.
    pub(crate) async fn close(&self) {
        if let Some(own) = self.own.lock().await.take() {
            own.close().await;
        }
    }
}

impl Own {
    async fn start(data: &Path) -> Result<Self, ApiError> {
        let folder = DataFolder::lock(data)?;
        let config = Config { mount: usual_mount(folder.path()), ..Config::new(folder.path().to_owned(), helper()?) };
        let node = Node::start(config).await?;
        match Door::open(&folder, Entrances::default(), Arc::new(node.handle())).await {
            Ok(door) => Ok(Self { node, door, _folder: folder }),
            Err(error) => {
                node.stop().await;
                Err(error)
            }
        }
    }

    async fn close(self) {
        self.door.close().await;
        self.node.stop().await;
    }
}

/// Where the tree is shown unless somebody decides otherwise: one folder for each account, so only for the node that it has usually.
fn usual_mount(data: &Path) -> Option<PathBuf> {
    let usual = directories::ProjectDirs::from("", "", "gridwell")?;
    (usual.data_local_dir() == data).then_some(directories::BaseDirs::new()?.home_dir().join("Gridwell"))
}

/// The program `gridwell`, installed beside this one: it runs what sessions start.
fn helper() -> Result<PathBuf, ApiError> {
    let me = std::env::current_exe()
        .map_err(|error| ApiError::bug(format!("this program's own path cannot be found: {error}")))?;
    let helper = me.with_file_name(format!("gridwell{}", std::env::consts::EXE_SUFFIX));
    if helper.is_file() {
        return Ok(helper);
    }
    Err(ApiError::new(ErrorCode::MissingFile, format!("{} is missing", helper.display()))
        .help("Install Gridwell again: the program 'gridwell' belongs beside 'gridwell-desktop'."))
}
