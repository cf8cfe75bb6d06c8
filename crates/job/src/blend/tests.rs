use std::io;

use proptest::prelude::*;

use super::{
    fixture::{
        FORMS, Form,
        Value::{Number, Text},
        Writer, gzip, zstd,
    },
    *,
};

fn read(bytes: &[u8]) -> Result<BlendCard, BlendError> {
    card(bytes, bytes.len() as u64, BlendLimits::CARD)
}

fn trace(bytes: &[u8]) -> Result<Vec<Reference>, BlendError> {
    references(|| Ok(bytes), bytes.len() as u64, BlendLimits::TRACE)
}

fn pixels(width: usize, height: usize) -> Vec<u8> {
    (0..width * height * 4).map(|at| at as u8).collect()
}

fn whole(form: Form) -> Vec<u8> {
    Writer::new(form)
        .scene(b"Scene", 1, 24)
        .scene(b"Day\xff two", -5, 3)
        .thumbnail(2, 3, &pixels(2, 3))
        .block(b"GLOB", &[0; 16])
        .image(b"//tex/wood.png", false, 1)
        .structs(b"DATA", "Strip", 3, &[&[("stripdata", Number(0x7000)), ("dir", Text(b"//cut"))]])
        .structs(b"DATA", "StripElem", 0x7000, &[&[("name", Text(b"1.png"))]])
        .end()
}

fn packings(bytes: &[u8]) -> [Vec<u8>; 4] {
    [bytes.to_vec(), gzip(bytes), zstd(bytes, usize::MAX), zstd(bytes, 50)]
}

#[test]
fn every_form_and_packing_gives_the_same_card() {
    for form in FORMS {
        for bytes in packings(&whole(form)) {
            let card = read(&bytes).unwrap_or_else(|error| panic!("{form:?}: {error}"));
            let scenes: Vec<_> =
                card.scenes.iter().map(|scene| (scene.name.as_str(), scene.start, scene.end)).collect();
            assert_eq!(scenes, [("Scene", 1, 24), ("Day\u{fffd} two", -5, 3)]);
            let picture = card.thumbnail.unwrap();
            assert_eq!((picture.width, picture.height), (2, 3));
            assert_eq!(picture.rgba[..8], pixels(2, 3)[16..], "rows are top-down");
            assert_eq!(trace(&bytes).unwrap().len(), 2);
        }
    }
}

#[test]
fn versions_are_read_in_both_headers() {
    assert_eq!(read(&whole(Form::Classic8 { big: false })).unwrap().version_words(), "3.4");
    assert_eq!(read(&whole(Form::Large)).unwrap().version_words(), "5.0");
    assert_eq!(read(&whole(Form::Classic4 { big: true })).unwrap().version_words(), "2.79");
}

#[test]
fn a_file_without_scenes_or_picture_has_an_empty_card() {
    for form in FORMS {
        let card = read(&Writer::new(form).block(b"GLOB", &[0; 8]).end()).unwrap();
        assert!(card.scenes.is_empty() && card.thumbnail.is_none() && card.damaged.is_none());
    }
}

#[test]
fn the_last_block_may_be_cut_to_eight_bytes() {
    let mut bytes = Writer::new(Form::Classic8 { big: false }).scene(b"S", 1, 2).bytes;
    bytes.extend(b"ENDB\0\0\0\0");
    assert_eq!(read(&bytes).unwrap().scenes.len(), 1);
}

#[test]
fn truncation_anywhere_is_found_and_never_panics() {
    for form in FORMS {
        for bytes in packings(&whole(form)) {
            // Behind the last block of a compressed file there may be less without harm.
            for cut in 0..bytes.len() {
                let short = &bytes[..cut];
                if let Err(error) = read(short) {
                    let empty = cut < 4 && matches!(error, BlendError::NotABlend { .. });
                    assert!(empty || matches!(error, BlendError::Damaged { .. }), "{form:?} cut at {cut}: {error}");
                }
                let _result = trace(short);
            }
        }
        let plain = whole(form);
        // The last block may be cut to eight bytes.
        let last_block = Writer::new(form).block(b"ENDB", &[]).bytes.len() - Writer::new(form).bytes.len();
        for cut in 1..plain.len() - last_block + 8 {
            assert!(matches!(trace(&plain[..cut]), Err(BlendError::Damaged { .. })), "{form:?} cut at {cut}");
        }
    }
}

#[test]
fn what_is_no_blend_is_named_by_its_first_bytes() {
    for (bytes, words) in [
        (b"".as_slice(), "not a .blend: it starts with nothing (the file is empty)"),
        (b"\x89PNG\r\n\x1a\n", "not a .blend: it starts with '\\x89PNG\\r\\n\\x1a\\n'"),
        (b"BLANDER-v304....", "not a .blend"),
        (b"blender", "not a .blend"),
    ] {
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
    }
    let inside = read(&gzip(b"hello, this is a text")).unwrap_err();
    assert!(matches!(inside, BlendError::NotABlend { .. }), "{inside}");
}

#[test]
fn an_unknown_header_is_newer_than_known() {
    for header in [b"BLENDER18-01v0600aaaa".as_slice(), b"BLENDER17-02v0600aaaa"] {
        assert!(matches!(read(header), Err(BlendError::NewerThanKnown { .. })));
    }
    for header in
        [b"BLENDER?v304aaaaaaaaa".as_slice(), b"BLENDER-x304aaaaaaaa", b"BLENDER-vabcaaaaaaa", b"BLENDER17-01V0500aaaa"]
    {
        assert!(matches!(read(header), Err(BlendError::Damaged { .. })));
    }
}

#[test]
fn wrong_lengths_are_damage() {
    for form in FORMS {
        for len in [-1, i64::from(i32::MIN), i64::from(i32::MAX)] {
            let mut writer = Writer::new(form);
            writer.header(b"REND", len, 0);
            writer.bytes.extend([0; 100]);
            for bytes in [writer.bytes.clone(), gzip(&writer.bytes)] {
                assert!(matches!(read(&bytes), Err(BlendError::Damaged { .. })), "{form:?} {len}");
            }
        }
        let short = Writer::new(form).block(b"REND", &[0; 71]).end();
        assert!(matches!(read(&short), Err(BlendError::Damaged { .. })));
    }
}

#[test]
fn blocks_of_another_form_are_damage() {
    for (header, form) in [(Form::Classic8 { big: false }, Form::Large), (Form::Large, Form::Classic8 { big: false })] {
        let mut bytes = Writer::new(header).bytes;
        let start = Writer::new(form).bytes.len();
        bytes.extend(&whole(form)[start..]);
        assert!(matches!(read(&bytes), Err(BlendError::Damaged { .. })), "{header:?}");
    }
}

#[test]
fn a_damaged_picture_does_not_hide_the_scenes() {
    for (width, height, data) in [(-1, 3, 24), (2, 3, 23), (i32::MAX, i32::MAX, 24), (2_000, 1, 8_000), (0, 7, 0)] {
        let bytes =
            Writer::new(Form::Classic8 { big: false }).thumbnail(width, height, &vec![1; data]).scene(b"S", 1, 2).end();
        let card = read(&bytes).unwrap();
        assert_eq!((card.scenes.len(), card.thumbnail), (1, None));
        assert_eq!(card.damaged.is_some(), width != 0, "{width} x {height}");
    }
}

#[test]
fn names_without_end_or_with_control_characters_are_cleaned() {
    let bytes = Writer::new(Form::Large).scene(&[b'x'; 64], 1, 2).scene("a\n\u{202e}b\0rest".as_bytes(), 1, 2).end();
    let card = read(&bytes).unwrap();
    assert_eq!((card.scenes[0].name.len(), card.scenes[1].name.as_str()), (64, "ab"));
}

#[test]
fn bombs_end_at_a_limit() {
    let mut writer = Writer::new(Form::Large);
    writer.header(b"TEST", 1 << 33, 0);
    writer.bytes.extend(vec![0; 12 << 20]);
    for bytes in [gzip(&writer.bytes), zstd(&writer.bytes, usize::MAX)] {
        assert!(bytes.len() < 1 << 17);
        assert!(matches!(read(&bytes), Err(BlendError::OverLimit { .. })));
    }
}

#[test]
fn counts_end_at_their_limits() {
    let many = (0..300).fold(Writer::new(Form::Large), |writer, _| writer.scene(b"S", 1, 2)).end();
    let limits = BlendLimits { blocks: 1_000, ..BlendLimits::CARD };
    let error = card(many.as_slice(), many.len() as u64, limits).unwrap_err().to_string();
    assert_eq!(error, "refused: its number of scenes is over the limit of 256");
    assert!(matches!(read(&many), Err(BlendError::OverLimit { allowed: 64, .. })));
}

#[test]
fn a_window_over_the_limit_is_refused_before_it_is_allocated() {
    // Magic, descriptor without single segment, window descriptor for 3.75 GiB.
    let bytes = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xaf, 1, 0, 0, 0, 0, 0];
    let error = read(&bytes).unwrap_err();
    assert!(matches!(error, BlendError::OverLimit { allowed: 8_388_608, .. }), "{error}");
}

#[test]
fn a_dictionary_is_refused() {
    let bytes = [0x28, 0xb5, 0x2f, 0xfd, 0x21, 42, 10, 1, 0, 0];
    assert!(matches!(read(&bytes), Err(BlendError::Damaged { .. })));
}

/// Ends with an error of the system after some bytes.
struct Failing<'a>(&'a [u8]);

impl io::Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (Some(first), false) = (self.0.first(), buffer.is_empty()) else {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "took longer than 200 ms"));
        };
        buffer[0] = *first;
        self.0 = &self.0[1..];
        Ok(1)
    }
}

#[test]
fn a_reader_that_fails_says_why() {
    for bytes in packings(&whole(Form::Large)) {
        let error = card(Failing(&bytes[..60]), 1 << 20, BlendLimits::CARD).unwrap_err();
        assert_eq!(error.to_string(), "reading stopped: took longer than 200 ms");
    }
    let bytes = whole(Form::Large);
    assert!(card(Failing(&bytes), bytes.len() as u64, BlendLimits::CARD).is_ok(), "bytes may come one by one");
}

#[test]
fn references_are_listed_once_and_say_whether_they_are_packed() {
    for form in FORMS {
        let bytes = Writer::new(form)
            .scene(b"S", 1, 2)
            .image(b"//a.png", false, 1)
            .image(b"//a.png", false, 1)
            .image(b"//seq_001.png", false, 2)
            .image(b"//u.<UDIM>.png", false, 6)
            .image(b"//generated.png", false, 4)
            .image(b"//packed.png", true, 1)
            .image(b"", false, 1)
            .library(b"/lib/\xff.blend")
            .library(b"/opt/blender/5.0/datafiles/assets/brushes/soft.blend")
            .structs(b"VF\0\0", "VFont", 1, &[&[("name", Text(b"<builtin>"))]])
            .structs(b"VO\0\0", "Volume", 1, &[&[("filepath", Text(b"//fog_01.vdb")), ("is_sequence", Number(1))]])
            .structs(b"ID\0\0", "ID", 1, &[&[("id", Text(b"//linked"))]])
            .end();
        let found = trace(&bytes).unwrap();
        let shown: Vec<_> = found.iter().map(|one| (one.kind, one.path.as_slice(), one.spread, one.packed)).collect();
        assert_eq!(
            shown,
            [
                (ReferenceKind::Image, b"//a.png".as_slice(), Spread::One, false),
                (ReferenceKind::Image, b"//packed.png", Spread::One, true),
                (ReferenceKind::Image, b"//seq_001.png", Spread::Sequence, false),
                (ReferenceKind::Image, b"//u.<UDIM>.png", Spread::Tiles, false),
                (ReferenceKind::Library, b"/lib/\xff.blend", Spread::One, false),
                (ReferenceKind::Volume, b"//fog_01.vdb", Spread::Sequence, false),
            ],
            "{form:?}"
        );
    }
}

#[test]
fn paths_behind_pointers_are_found_in_what_follows_their_owner() {
    for form in FORMS {
        let bytes = Writer::new(form)
            .structs(b"TX\0\0", "Text", 1, &[&[("name", Number(0x5000)), ("lines", Number(0x6000))]])
            .raw(0x5000, b"//notes.py\0")
            .structs(b"TX\0\0", "Text", 2, &[&[]])
            .block(b"SC\0\0", &[0; 4])
            .structs(b"DATA", "Strip", 3, &[&[("stripdata", Number(0x7000)), ("dir", Text(b"//cut"))]])
            .structs(b"DATA", "StripElem", 0x7000, &[&[("name", Text(b"1.png"))], &[("name", Text(b"2.png"))]])
            .structs(b"DATA", "StripElem", 0x7001, &[&[("name", Text(b"of nobody.png"))]])
            .block(b"OB\0\0", &[0; 4])
            .structs(b"DATA", "NodesModifierData", 4, &[&[("simulation_bake_directory", Number(0x5000))]])
            .block(b"OB\0\0", &[0; 4])
            .raw(0x5000, b"//of another object\0")
            .end();
        let found = trace(&bytes).unwrap();
        let shown: Vec<_> = found.iter().map(|one| (one.kind, one.path.as_slice(), one.packed)).collect();
        assert_eq!(
            shown,
            [
                (ReferenceKind::Strip, b"//cut/1.png".as_slice(), false),
                (ReferenceKind::Strip, b"//cut/2.png", false),
                (ReferenceKind::Text, b"//notes.py", true),
            ],
            "{form:?}"
        );
    }
}

#[test]
fn folders_of_simulations_are_missed_only_once_they_were_written() {
    let fluid = |flags| [("cache_directory", Text(b"//fluid".as_slice())), ("cache_flag", Number(flags))];
    let points = |flags| [("path", Text(b"//points".as_slice())), ("flag", Number(flags))];
    let cases = [
        ("FluidDomainSettings", fluid(0), Some(Spread::Folder { made: false })),
        ("FluidDomainSettings", fluid(0b10), Some(Spread::Folder { made: true })),
        ("PointCache", points(1), None),
        ("PointCache", points(1 << 9), Some(Spread::Folder { made: true })),
    ];
    for (holder, values, spread) in cases {
        let bytes = Writer::new(Form::Large).structs(b"DATA", holder, 1, &[&values]).end();
        assert_eq!(trace(&bytes).unwrap().first().map(|one| one.spread), spread, "{holder} {values:?}");
    }
}

#[test]
fn a_file_is_walked_through_again_only_if_what_matters_could_not_be_kept() {
    let strip = [("stripdata", Number(0x7000)), ("dir", Text(b"//cut".as_slice()))];
    let names: Vec<_> = (0..200).map(|number| [("name", number.to_string())]).collect();
    let names: Vec<_> = names.iter().map(|[(field, name)]| [(*field, Text(name.as_bytes()))]).collect();
    let names: Vec<_> = names.iter().map(<[_; 1]>::as_slice).collect();
    for form in FORMS {
        let long = Writer::new(form).structs(b"DATA", "Strip", 3, &[&strip]);
        let long = long.structs(b"DATA", "StripElem", 0x7000, &names).block(b"IM\0\0", &[]).end();
        let small = Writer::new(form).image(b"//a.png", false, 1).raw(5, &[0; 1 << 15]).end();
        let tight = BlendLimits { kept_bytes: 10, ..BlendLimits::TRACE };
        let cases = [(&small, BlendLimits::TRACE, 1, 1), (&small, tight, 2, 1), (&long, BlendLimits::TRACE, 2, 200)];
        for (bytes, limits, walks, count) in cases {
            let mut walked = 0;
            let open = || {
                walked += 1;
                Ok(bytes.as_slice())
            };
            assert_eq!(references(open, bytes.len() as u64, limits).unwrap().len(), count);
            assert_eq!(walked, walks, "{form:?}");
        }
        let narrow = BlendLimits { block_bytes: 1 << 14, ..BlendLimits::TRACE };
        let error = references(|| Ok(long.as_slice()), long.len() as u64, narrow).unwrap_err();
        assert_eq!(error.to_string(), "refused: a block of it, in bytes, is over the limit of 16384");
    }
}

#[test]
fn more_references_than_allowed_are_refused() {
    let bytes = Writer::new(Form::Large).image(b"//a", false, 1).image(b"//b", false, 1).image(b"//c", false, 1);
    let bytes = bytes.end();
    let limits = BlendLimits { references: 2, ..BlendLimits::TRACE };
    let error = references(|| Ok(bytes.as_slice()), bytes.len() as u64, limits).unwrap_err().to_string();
    assert_eq!(error, "refused: the number of files it refers to is over the limit of 2");
    let limits = BlendLimits { table_bytes: 100, ..BlendLimits::TRACE };
    let error = references(|| Ok(bytes.as_slice()), bytes.len() as u64, limits).unwrap_err().to_string();
    assert_eq!(error, "refused: its struct table, in bytes, is over the limit of 100");
}

/// A reader that counts what is taken from it.
struct Counting<'a>(&'a [u8], &'a std::cell::Cell<u64>);

impl io::Read for Counting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.set(self.1.get() + count as u64);
        Ok(count)
    }
}

proptest! {
    #[test]
    fn any_bytes_are_answered_within_the_limits(
        form in 0_usize..5,
        packing in 0_usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        disk_bytes in 0_u64..600,
        kept_bytes in 0_u64..600,
    ) {
        let mut bytes = packings(&whole(FORMS[form]))[packing].clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let taken = std::cell::Cell::new(0);
        let limits = BlendLimits { disk_bytes, kept_bytes, ..BlendLimits::TRACE };
        let _card = card(Counting(&bytes, &taken), bytes.len() as u64, limits);
        prop_assert!(taken.get() <= disk_bytes);
        taken.set(0);
        let _references = references(|| Ok(Counting(&bytes, &taken)), bytes.len() as u64, limits);
        prop_assert!(taken.get() <= 2 * disk_bytes, "it is walked through twice at most");
    }

    #[test]
    fn noise_after_a_true_start_is_answered(start in 0_usize..4, noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let starts: [&[u8]; 4] = [b"BLENDER-v304", b"BLENDER17-01v0500", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"];
        let bytes = [starts[start], &noise].concat();
        let _card = read(&bytes);
        let _references = trace(&bytes);
    }
}
