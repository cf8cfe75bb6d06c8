//! What is there when everything answers.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::{ffi::OsStrExt as _, fs::FileExt as _},
    path::Path,
    sync::atomic::Ordering::Relaxed,
    thread,
};

use gridwell_mount::{MountOptions, TreePath};

use crate::{
    memory::MemoryTree,
    support::{STRICT, noise, show},
};

#[test]
fn programs_see_files_folders_and_links() {
    let tree = MemoryTree::new().folder("studio").folder("studio/scenes").file("studio/scenes/a.txt", "hello\n");
    let tree = tree.link("studio/latest", "scenes/a.txt").file("top", "");
    let Some(shown) = show(tree, &MountOptions::default()) else { return };

    assert_eq!(shown.says("ls -R"), ".:\nstudio\ntop\n\n./studio:\nlatest\nscenes\n\n./studio/scenes:\na.txt\n");
    assert_eq!(shown.says("find . -type f | sort"), "./studio/scenes/a.txt\n./top\n");
    assert_eq!(
        shown.says("stat -c '%s %A %y' studio/scenes/a.txt | cut -c1-33"),
        "6 -r--r--r-- 2023-11-14 22:13:20.\n"
    );
    assert_eq!(shown.says("cat studio/latest; readlink studio/latest"), "hello\nscenes/a.txt\n");
    assert!(fs::read_to_string("/proc/self/mountinfo").unwrap().contains(" - fuse.gridwell gridwell ro"));
    assert!(shown.complains("cat nothing").contains("No such file or directory"));
    assert!(shown.complains("cat studio").contains("Is a directory"));
}

#[test]
fn files_of_every_length_have_their_bytes() {
    for options in [MountOptions::default(), STRICT] {
        let sizes = [0, 1, 65_535, 65_536, 65_537, 3 * 65_536 + 7, 2 << 20];
        let mut tree = MemoryTree::new();
        for size in sizes {
            tree = tree.file(size.to_string(), noise(size));
        }
        let Some(shown) = show(tree, &options) else { return };
        let copy = tempfile::NamedTempFile::new().unwrap();
        for size in sizes {
            assert!(fs::read(shown.path(&size.to_string())).unwrap() == noise(size), "{size} bytes");
            fs::write(copy.path(), noise(size)).unwrap();
            shown.says(&format!("cmp {size} {}", copy.path().display()));
        }
    }
}

#[test]
fn a_mapped_file_has_its_bytes() {
    for options in [MountOptions::default(), STRICT] {
        let Some(shown) = show(MemoryTree::new().file("a", noise(200_000)), &options) else { return };
        let line = "python3 -c \"import mmap,sys; f=open('a','rb'); \
            sys.stdout.buffer.write(mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[:])\"";
        assert!(shown.run(line).stdout == noise(200_000), "{options:?}");
    }
}

#[test]
fn many_threads_read_at_once() {
    let Some(shown) = show(MemoryTree::new().file("a", noise(1 << 20)), &MountOptions::default()) else { return };
    let (path, bytes) = (shown.path("a"), noise(1 << 20));
    thread::scope(|scope| {
        for number in 0..16_usize {
            let (path, bytes) = (&path, &bytes);
            scope.spawn(move || {
                let file = File::open(path).unwrap();
                let mut part = vec![0; 10_000];
                for step in 0..100 {
                    let at = (number * 7_919 + step * 104_729) % (bytes.len() - part.len());
                    file.read_exact_at(&mut part, at as u64).unwrap();
                    assert!(part == bytes[at..at + part.len()], "at {at}");
                }
            });
        }
    });
}

#[test]
fn a_folder_with_ten_thousand_files_is_listed_whole() {
    let mut tree = MemoryTree::new().folder("frames");
    for number in 0..10_000 {
        tree = tree.file(format!("frames/frame_{number:05}.exr"), "x");
    }
    let Some(shown) = show(tree, &MountOptions::default()) else { return };
    assert_eq!(shown.says("ls frames | wc -l").trim(), "10000");
    assert_eq!(shown.says("ls -l frames | grep -c '^-r--r--r--'").trim(), "10000");
    assert_eq!(shown.says("ls frames | sort -u | tail -1").trim(), "frame_09999.exr");
    let stats = shown.tree.asked.stats.load(Relaxed);
    assert!(stats < 100, "names come with their attributes: {stats} were asked one by one");
}

#[test]
fn names_need_not_be_utf8() {
    let name = b"caf\xe9 \n\xff";
    let Some(shown) = show(MemoryTree::new().file(name, "x"), &MountOptions::default()) else { return };
    let entries: Vec<_> = fs::read_dir(shown.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(entries[0].as_bytes(), name);
    assert_eq!(fs::read(shown.path("").join(Path::new(&entries[0]))).unwrap(), b"x");
}

#[test]
fn nothing_can_be_written() {
    let Some(shown) = show(MemoryTree::new().folder("f").file("f/a", "x"), &MountOptions::default()) else { return };
    for line in
        ["echo >f/a", "echo >>f/a", "echo >new", "rm f/a", "mkdir g", "mv f/a b", "chmod 777 f/a", "truncate -s0 f/a"]
    {
        assert!(shown.complains(line).contains("Read-only file system"), "{line}");
    }
}

#[test]
fn a_replaced_file_has_new_bytes_at_once_and_old_ones_for_who_has_it_open() {
    for options in [MountOptions::default(), STRICT] {
        let Some(shown) = show(MemoryTree::new().file("a", noise(100_000)), &options) else { return };
        let mut old = File::open(shown.path("a")).unwrap();
        assert_eq!(old.read(&mut [0; 10]).unwrap(), 10);

        shown.tree.write("a", "new");

        assert_eq!(fs::read(shown.path("a")).unwrap(), b"new", "nothing waits for a second");
        let mut rest = Vec::new();
        old.read_to_end(&mut rest).unwrap();
        assert!(rest == noise(100_000)[10..], "an open file is its version");
        assert_eq!(fs::metadata(shown.path("a")).unwrap().len(), 3);
    }
}

#[test]
fn an_invalidated_name_is_looked_up_again() {
    let Some(shown) = show(MemoryTree::new().file("a", "1").file("b", "1"), &MountOptions::default()) else { return };
    let size = |name: &str| fs::metadata(shown.path(name)).map(|metadata| metadata.len()).ok();
    let open = File::open(shown.path("b")).unwrap();
    assert_eq!((size("a"), size("b"), size("c")), (Some(1), Some(1), None));
    let mounted = shown.mounted.as_ref().unwrap();

    shown.tree.write("a", "22");
    shown.tree.write("b", "22");
    shown.tree.write("c", "22");
    for name in [b"a", b"b", b"c"] {
        mounted.invalidate(&TreePath::root().child(name).unwrap());
    }

    // The kernel is told from another thread; what it says changes once, and from then on is right.
    while size("a") != Some(2) || size("c") != Some(2) {
        thread::yield_now();
    }
    assert_eq!(open.metadata().unwrap().len(), 1);
}

#[test]
fn looking_at_ten_gigabytes_moves_no_content() {
    for options in [MountOptions::default(), STRICT] {
        let mut tree = MemoryTree::new().folder("share");
        for number in 0..10 {
            tree = tree.zeroes(&format!("share/{number}.bin"), 1 << 30);
        }
        let Some(shown) = show(tree, &options) else { return };
        shown.says("ls -lR . && stat share/* && find . -size +1k && du -s --apparent-size .");
        for number in 0..10 {
            File::open(shown.path(&format!("share/{number}.bin"))).unwrap();
        }
        assert_eq!(shown.tree.asked.bytes.load(Relaxed), 0, "{options:?}");
    }
}

#[test]
fn a_strict_mount_asks_for_exactly_what_is_read() {
    let Some(shown) = show(MemoryTree::new().zeroes("a", 10 << 30), &STRICT) else { return };
    let file = File::open(shown.path("a")).unwrap();

    file.read_exact_at(&mut [0], 5 << 30).unwrap();

    let asked = &shown.tree.asked;
    assert_eq!((asked.reads.load(Relaxed), asked.bytes.load(Relaxed)), (1, 1));
}
