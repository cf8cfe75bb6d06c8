use gridwell_api::ResultFile;

use super::clean;

/// Where files lie, one a line: as they are for programs, made harmless for a terminal.
pub(crate) fn paths(files: &[ResultFile], terminal: bool) -> String {
    let path = |file: &ResultFile| if terminal { clean(&file.path) } else { file.path.clone() };
    files.iter().map(|file| path(file) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use gridwell_api::FileKind;
    use gridwell_model::{Stamp, TaskKey};

    use super::*;

    #[test]
    fn a_terminal_sees_no_control_characters_and_a_program_sees_the_name() {
        let file = ResultFile {
            path: "/out/a\u{1b}[2J.png".into(),
            size_bytes: 1,
            task: TaskKey { step: 0, index: 0 },
            landed: Stamp(0),
            kind: FileKind::Picture,
            flaw: None,
        };
        assert_eq!(paths(std::slice::from_ref(&file), true), "/out/a\\u{1b}[2J.png\n");
        assert_eq!(paths(&[file], false), "/out/a\u{1b}[2J.png\n");
    }
}
