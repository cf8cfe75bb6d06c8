//! Names of the tree as Windows can have them, and back.
//!
//! What Windows does not allow in a name stands in it as a character of U+F000 to U+F0FF: the byte, and F000. Cygwin and WSL write such
//! characters the same way. Each name of the tree has one form, and no two have the same.

use std::str::Utf8Chunk;

use crate::{NameError, TreePath, path::check_name};

/// What a byte that cannot stand in a name is added to.
const STAND_INS: u32 = 0xf000;
/// Characters that Windows keeps for itself, beside those below U+0020.
///
/// Source: "Naming Files, Paths, and Namespaces" of the Windows documentation.
const FORBIDDEN: [char; 7] = ['<', '>', ':', '"', '|', '?', '*'];
/// Names of devices, whatever stands behind a dot after them; `COM` and `LPT` with a digit.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
const NUMBERED_DEVICES: [&str; 2] = ["COM", "LPT"];

/// `name` as Windows is told it: at most as many units of UTF-16 as it has bytes.
pub(super) fn to_wide(name: &[u8]) -> Vec<u16> {
    let mut wide = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        push_chunk(&chunk, &mut wide);
    }
    // Windows takes dots and spaces off the end.
    if let (Some(last @ (b'.' | b' ')), Some(unit)) = (name.last(), wide.last_mut()) {
        *unit = stand_in(*last);
    }
    if let (true, Some(unit)) = (names_a_device(name), wide.first_mut()) {
        *unit = stand_in(name[0]);
    }
    wide
}

fn push_chunk(chunk: &Utf8Chunk<'_>, wide: &mut Vec<u16>) {
    for char in chunk.valid().chars() {
        let is_stand_in = (STAND_INS..STAND_INS + 0x100).contains(&char.into());
        if is_stand_in || char < ' ' || char == '\\' || FORBIDDEN.contains(&char) {
            wide.extend(char.encode_utf8(&mut [0; 4]).bytes().map(stand_in));
        } else {
            wide.extend_from_slice(char.encode_utf16(&mut [0; 2]));
        }
    }
    wide.extend(chunk.invalid().iter().copied().map(stand_in));
}

fn stand_in(byte: u8) -> u16 {
    STAND_INS as u16 + u16::from(byte)
}

fn names_a_device(name: &[u8]) -> bool {
    let stem = name.split(|byte| *byte == b'.').next().unwrap_or_default().trim_ascii_end().to_ascii_uppercase();
    let numbered = |device: &&str| match stem.strip_prefix(device.as_bytes()) {
        Some([b'0'..=b'9']) => true,
        Some(raised) => ["¹", "²", "³"].iter().any(|digit| digit.as_bytes() == raised),
        None => false,
    };
    DEVICES.iter().any(|device| device.as_bytes() == stem) || NUMBERED_DEVICES.iter().any(numbered)
}

/// The name that [`to_wide`] makes `wide` of.
///
/// # Errors
///
/// [`NameError`] if it makes it of none: then nothing can be called so.
pub(super) fn from_wide(wide: &[u16]) -> Result<Vec<u8>, NameError> {
    let nothing = NameError::NotAName { length: wide.len() };
    let mut name = Vec::with_capacity(wide.len());
    for char in char::decode_utf16(wide.iter().copied()) {
        let char = char.map_err(|_| nothing)?;
        match u32::from(char).checked_sub(STAND_INS).and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => name.push(byte),
            None => name.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    check_name(&name)?;
    if to_wide(&name) == wide { Ok(name) } else { Err(nothing) }
}

/// The path that Windows calls `\a\b`.
///
/// # Errors
///
/// As [`from_wide`], and if it is too long.
pub(super) fn path_from_wide(wide: &[u16]) -> Result<TreePath, NameError> {
    let parts = wide.split(|unit| *unit == u16::from(b'\\')).filter(|part| !part.is_empty());
    parts.into_iter().try_fold(TreePath::root(), |path, part| path.child(&from_wide(part)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wide(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn what_windows_may_call_a_file_is_called_so() {
        for name in
            ["scene.blend", "Größe 2.png", "面.exr", "😀", "a b.c", ".hidden", "console", "com", "com10", "nul1"]
        {
            assert_eq!(to_wide(name.as_bytes()), wide(name), "{name}");
        }
    }

    #[test]
    fn what_it_may_not_stands_in_other_characters() {
        for (name, shown) in [
            ("a:b", "a\u{f03a}b"),
            ("what?", "what\u{f03f}"),
            ("a\\b", "a\u{f05c}b"),
            ("tab\t", "tab\u{f009}"),
            ("ends.", "ends\u{f02e}"),
            ("...", "..\u{f02e}"),
            ("ends ", "ends\u{f020}"),
            ("con", "\u{f063}on"),
            ("Aux.h", "\u{f041}ux.h"),
            ("lpt1 .txt", "\u{f06c}pt1 .txt"),
            ("COM²", "\u{f043}OM²"),
            ("\u{f03a}", "\u{f0ef}\u{f080}\u{f0ba}"),
        ] {
            assert_eq!(String::from_utf16(&to_wide(name.as_bytes())).unwrap(), shown, "{name}");
        }
        assert_eq!(to_wide(b"\xff\xfe"), [0xf0ff, 0xf0fe]);
    }

    #[test]
    fn another_spelling_of_a_name_names_nothing() {
        // "a" as a stand-in, a name that is not allowed, half of a pair, a slash, a zero.
        for spelling in [&[0xf061_u16][..], &wide("con"), &wide("a."), &[0xd800], &[0xf02f], &[0xf000], &[]] {
            assert!(from_wide(spelling).is_err(), "{spelling:x?}");
        }
    }

    #[test]
    fn a_path_is_a_name_after_the_other() {
        let root = path_from_wide(&wide("\\")).unwrap();
        assert!(root.is_root());
        let path = path_from_wide(&wide("\\mill\\tex\\a\u{f03a}b")).unwrap();
        assert_eq!(path.as_bytes(), b"mill/tex/a:b");
        assert!(path_from_wide(&wide("\\mill\\..\\x")).is_err(), "Windows resolves those itself");
    }

    proptest! {
        #[test]
        fn each_name_has_one_form_that_leads_back(name in prop::collection::vec(any::<u8>(), 1..=255)) {
            prop_assume!(check_name(&name).is_ok());
            let shown = to_wide(&name);
            prop_assert!(shown.len() <= name.len());
            prop_assert_eq!(from_wide(&shown), Ok(name));
            let allowed = |unit: &u16| *unit >= 0x20 && !b"<>:\"/\\|?*".iter().any(|byte| u16::from(*byte) == *unit);
            prop_assert!(shown.iter().all(allowed));
            prop_assert!(!matches!(shown.last(), Some(0x20 | 0x2e)));
        }

        #[test]
        fn any_units_are_a_name_or_refused(shown in prop::collection::vec(any::<u16>(), 0..300)) {
            if let Ok(name) = from_wide(&shown) {
                prop_assert_eq!(to_wide(&name), shown);
            }
        }
    }
}
