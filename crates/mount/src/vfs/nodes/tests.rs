use super::*;

fn path(name: &str) -> TreePath {
    TreePath::root().child(name.as_bytes()).unwrap()
}

fn file(version: u64) -> Entry {
    Entry { kind: crate::Kind::File, version, ..Entry::folder() }
}

#[test]
fn a_new_version_gets_a_number_of_its_own_and_the_old_one_stays_while_it_is_held() {
    let (mut nodes, now) = (Nodes::new(10), Instant::now());
    let old = nodes.learn(&path("a"), file(1), now, Hold::Yes).unwrap().ino;
    assert_eq!(nodes.learn(&path("a"), file(1), now, Hold::Yes).unwrap().ino, old);

    let new = nodes.learn(&path("a"), file(2), now, Hold::Yes).unwrap().ino;

    assert_ne!(new, old);
    assert_eq!(nodes.get(old).unwrap().entry, file(1));
    assert_eq!(nodes.at(&path("a")).map(|(ino, _)| ino), Some(new));
    nodes.forget(old, 2);
    assert!(nodes.get(old).is_err());
    assert_eq!(nodes.at(&path("a")).map(|(ino, _)| ino), Some(new), "forgetting the old one leaves the new one");
}

#[test]
fn an_inode_goes_when_it_is_forgotten_as_often_as_it_was_told_and_closed() {
    let (mut nodes, now) = (Nodes::new(10), Instant::now());
    let ino = nodes.learn(&path("a"), file(1), now, Hold::Yes).unwrap().ino;
    nodes.fresh(&path("a"), now, Hold::Yes).unwrap();
    nodes.opened(ino);

    nodes.forget(ino, 1);
    nodes.closed(ino);
    assert!(nodes.get(ino).is_ok(), "told twice, forgotten once");
    nodes.opened(ino);
    nodes.forget(ino, 1);
    assert!(nodes.get(ino).is_ok(), "still open");
    nodes.closed(ino);
    assert!(nodes.get(ino).is_err());
}

#[test]
fn what_is_known_is_believed_for_a_second_and_not_when_it_is_doubted() {
    let (mut nodes, now) = (Nodes::new(10), Instant::now());
    nodes.learn(&path("a"), file(1), now, Hold::Yes).unwrap();

    let later = now + Duration::from_millis(400);
    assert_eq!(nodes.fresh(&path("a"), later, Hold::No).unwrap().lasts, Duration::from_millis(600));
    assert_eq!(nodes.fresh(&path("a"), now + ATTRIBUTES_LAST, Hold::No), None);
    nodes.doubt(&path("a"));
    assert_eq!(nodes.fresh(&path("a"), later, Hold::No), None);
}

#[test]
fn a_full_table_drops_the_oldest_that_nobody_holds_and_never_what_is_held() {
    let (mut nodes, now) = (Nodes::new(4), Instant::now());
    let held = nodes.learn(&path("held"), file(1), now, Hold::Yes).unwrap().ino;
    let older = nodes.learn(&path("older"), file(1), now, Hold::No).unwrap().ino;
    let newer = nodes.learn(&path("newer"), file(1), now + Duration::from_secs(1), Hold::No).unwrap().ino;

    nodes.learn(&path("x"), file(1), now, Hold::Yes).unwrap();

    assert!(nodes.get(older).is_err());
    assert!(nodes.get(newer).is_ok());
    nodes.learn(&path("y"), file(1), now, Hold::Yes).unwrap();
    let error = nodes.learn(&path("z"), file(1), now, Hold::Yes).unwrap_err();
    assert!(matches!(error, VfsError::Tree(TreeError::TooMany)), "{error:?}");
    assert!(nodes.get(held).is_ok() && nodes.get(Ino::ROOT).is_ok());
    assert_eq!(nodes.by_ino.len(), 4);
}

#[test]
fn the_root_stays_whatever_is_said_of_it() {
    let (mut nodes, now) = (Nodes::new(4), Instant::now());
    nodes.forget(Ino::ROOT, 9);
    assert_eq!(nodes.learn(&TreePath::root(), file(3), now, Hold::No).unwrap().ino, Ino::ROOT);
}
