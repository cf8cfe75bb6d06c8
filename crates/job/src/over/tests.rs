use proptest::prelude::*;

use super::*;
use crate::files::MemoryFiles;

fn ints(text: &str) -> Vec<i64> {
    let ranges = IntRanges::parse(text).unwrap();
    ranges.ranges().iter().flat_map(|range| (range.start..=range.end).step_by(range.step as usize)).collect()
}

#[test]
fn ranges_read_as_in_open_job_description() {
    assert_eq!(ints("7"), [7]);
    assert_eq!(ints("-1 - 1"), [-1, 0, 1]);
    assert_eq!(ints("1-5:2"), [1, 3, 5]);
    assert_eq!(ints("10-15:2,1-5"), [1, 2, 3, 4, 5, 10, 12, 14]);
    assert_eq!(ints("1-10:2,20"), [1, 3, 5, 7, 9, 20]);
    assert_eq!(ints("-5--3"), [-5, -4, -3]);
}

#[test]
fn bad_ranges_are_refused_with_their_text() {
    for (text, words) in [
        ("", "''"),
        ("a-b", "'a-b'"),
        ("1-", "'1-'"),
        ("1-2-3", "'1-2-3'"),
        ("1-5:0", "'1-5:0'"),
        ("5:2", "'5:2'"),
        ("1-5:-1", "'1-5:-1'"),
        ("99999999999999999999", "not a range"),
        ("24-1", "24 comes after 1"),
        ("1-10:4,10-15", "overlap"),
        ("1,1", "overlap"),
        ("1-1000000000", "1000000000 values"),
    ] {
        let error = IntRanges::parse(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn ten_million_values_are_kept_as_one_range() {
    let ranges = IntRanges::parse("1-10000000").unwrap();
    assert_eq!((ranges.ranges().len(), ranges.count()), (1, 10_000_000));
    assert_eq!(ranges.to_string(), "1-10000000");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[-0-9:, a]{0,20}") {
        if let Ok(ranges) = IntRanges::parse(&text) {
            prop_assert_eq!(IntRanges::parse(&ranges.to_string()).unwrap(), ranges);
        }
    }

    #[test]
    fn any_bytes_are_a_table_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(table) = read_csv("t.csv", bytes.as_slice()) {
            prop_assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
        }
    }
}

fn shelf() -> MemoryFiles {
    let names = ["/w/b.wav", "/w/a.wav", "/w/a.txt", "/w/sub/c.wav", "/w/.hid.wav", "/w/s p\nx.wav", "/other/d.wav"];
    names.iter().fold(MemoryFiles::default(), |files, name| files.with(name, "x"))
}

#[test]
fn a_glob_finds_files_sorted() {
    assert_eq!(expand_glob("*.wav", "/w", &shelf()).unwrap(), ["/w/a.wav", "/w/b.wav", "/w/s p\nx.wav"]);
    assert_eq!(expand_glob("sub/?.wav", "/w", &shelf()).unwrap(), ["/w/sub/c.wav"]);
    assert_eq!(expand_glob("**/c.wav", "/w", &shelf()).unwrap(), ["/w/sub/c.wav"]);
    assert_eq!(expand_glob("/other/*", "/w", &shelf()).unwrap(), ["/other/d.wav"]);
    assert_eq!(expand_glob("../other/*", "/w", &shelf()).unwrap(), ["/other/d.wav"]);
    assert_eq!(expand_glob(".hid*", "/w", &shelf()).unwrap(), ["/w/.hid.wav"]);
}

#[test]
fn a_glob_without_matches_or_sense_is_refused() {
    assert_eq!(expand_glob("*.png", "/w", &shelf()).unwrap_err().to_string(), "no file matches '*.png'");
    assert!(matches!(expand_glob("[", "/w", &shelf()), Err(OverError::BadGlob { .. })));
    let locked = shelf().locked("/safe");
    assert!(matches!(expand_glob("/safe/*", "/w", &locked), Err(OverError::Unlistable { .. })));
}

#[test]
fn a_table_has_named_columns() {
    let table = read_csv("t.csv", "\u{feff}name, size\n\"a, b\",1\nc,2\n".as_bytes()).unwrap();
    assert_eq!(table.columns, ["name", "size"]);
    assert_eq!(table.rows, [["a, b", "1"], ["c", "2"]]);
}

#[test]
fn a_bad_table_names_file_and_line() {
    for (text, words) in [
        ("a,b\n1\n", "'t.csv', line 2: 1 value where the first line has 2"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ("a,\n1,2\n", "a column has no name"),
        ("a\n", "no lines below"),
        ("", "no lines below"),
    ] {
        let error = read_csv("t.csv", text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
