use std::os::unix::fs::PermissionsExt as _;

use gridwell_store::{OpenError, SecretError, Store};

use crate::support::{Fixture, job};

#[tokio::test]
async fn a_second_node_is_told_the_firsts_process_id() {
    let fixture = Fixture::new();
    let data_dir = fixture.root.path().join("data");

    let error = Store::open(&data_dir).unwrap_err();

    assert!(matches!(error, OpenError::InUse { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    assert!(error.to_string().contains(&std::process::id().to_string()));
    fixture.store.close().await;
    Store::open(&data_dir).unwrap();
}

#[tokio::test]
async fn the_data_folder_is_this_users_alone() {
    let fixture = Fixture::new();
    let mode = std::fs::metadata(fixture.store.data_dir()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let fixture = Fixture::new();
    let path = fixture.root.path().join("data/gridwell.db");
    fixture.store.close().await;
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();

    let error = Store::open(path.parent().unwrap()).unwrap_err();

    assert!(matches!(error, OpenError::Newer { found: 99, known: 4, .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_database_is_refused_with_advice_and_left_alone() {
    let fixture = Fixture::new();
    let path = fixture.root.path().join("data/gridwell.db");
    fixture.store.close().await;
    std::fs::write(&path, vec![b'x'; 8_192]).unwrap();

    let error = Store::open(path.parent().unwrap()).unwrap_err();

    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("move it"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), vec![b'x'; 8_192]);
}

#[tokio::test]
async fn damaged_logs_cost_no_job() {
    let fixture = Fixture::new();
    fixture.store.append(vec![(job(1), b"kept".to_vec())], gridwell_store::Durability::Synced).await.unwrap();
    let logs = fixture.root.path().join("data/logs.db");
    let Fixture { root, store } = fixture;
    store.close().await;
    std::fs::write(&logs, vec![b'x'; 8_192]).unwrap();

    let store = Store::open(&root.path().join("data")).unwrap();

    assert_eq!(store.jobs().await.unwrap().len(), 1);
    assert!(root.path().join("data/logs.db.damaged").exists());
}

#[tokio::test]
async fn a_secret_is_made_once_and_kept_from_others() {
    let fixture = Fixture::new();
    assert_eq!(fixture.store.load_or_create_secret("identity", [7; 32]).unwrap(), [7; 32]);
    assert_eq!(fixture.store.load_or_create_secret("identity", [8; 32]).unwrap(), [7; 32]);

    let path = fixture.store.data_dir().join("identity");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    fixture.store.load_or_create_secret("identity", [8; 32]).unwrap();
    assert_eq!(mode(), 0o600);

    std::fs::write(&path, b"short").unwrap();
    let error = fixture.store.load_or_create_secret("identity", [8; 32]).unwrap_err();
    assert!(matches!(error, SecretError::Damaged { bytes: 5, .. }), "{error}");
}
