use gridwell_api::{FileView, MountView, ShareView, TreeKind};
use gridwell_model::{Stamp, format_bytes};

use super::{clean, moment, table::Table};

/// Every share: where it is in the tree, where it lies, who sees it.
pub(crate) fn shares(shares: &[ShareView], columns: usize) -> String {
    if shares.is_empty() {
        return "Nobody in reach shares a folder. This machine shares one with: gridwell share add FOLDER\n".into();
    }
    let mut table = Table::new(&["SHARE", "LIES", "SEEN BY"]);
    for share in shares {
        let lies = share.path.clone().unwrap_or_else(|| match share.online {
            true => format!("on {}", share.machine_name),
            false => format!("on {}, which is offline", share.machine_name),
        });
        let seen = match (&share.path, share.to.as_slice()) {
            (None, _) => String::new(),
            (Some(_), []) => "all that may see files".into(),
            (Some(_), to) => to.join(", "),
        };
        table.row([share.at.clone(), lies, seen]);
    }
    table.render(columns)
}

/// Where the tree is shown as a folder.
pub(crate) fn mounted(view: &MountView) -> String {
    match &view.dir {
        None => "What machines share is shown in no folder.\n".into(),
        Some(dir) if view.strict => format!("What machines share is in {dir}; exactly what is read moves.\n"),
        Some(dir) => format!("What machines share is in {dir}\n"),
    }
}

/// Names in a folder: size, when it changed, name.
pub(crate) fn listing(files: &[FileView], columns: usize) -> String {
    let mut table = Table::new(&[">SIZE", "CHANGED", "NAME"]);
    for file in files {
        table.row([size(file), changed(file), named(file)]);
    }
    if files.is_empty() { "Nothing is in it.\n".into() } else { table.render(columns) }
}

/// What is known of one file or folder.
pub(crate) fn file(path: &str, file: &FileView) -> String {
    let kind = match file.kind {
        TreeKind::File if file.executable => "a file that can be run",
        TreeKind::File => "a file",
        TreeKind::Folder => "a folder",
        TreeKind::Link => "a link",
        TreeKind::Hidden => "not shown: no file, or a link that leads out of the share",
    };
    let mut lines = vec![format!("{} is {kind}", clean(path))];
    if file.kind == TreeKind::File {
        lines.push(format!("{} ({} bytes)", format_bytes(file.size_bytes), file.size_bytes));
    }
    if let Some(target) = &file.target {
        lines.push(format!("leads to {}", clean(target)));
    }
    if file.modified_ms != 0 {
        lines.push(format!("changed {}", changed(file)));
    }
    if let Some(blob) = file.blob {
        lines.push(format!("BLAKE3 {blob}"));
    }
    lines.join("\n") + "\n"
}

fn size(file: &FileView) -> String {
    if file.kind == TreeKind::File { format_bytes(file.size_bytes) } else { String::new() }
}

fn changed(file: &FileView) -> String {
    let known = u64::try_from(file.modified_ms).ok().filter(|ms| *ms != 0);
    known.map_or_else(String::new, |ms| moment(Stamp(ms)))
}

fn named(file: &FileView) -> String {
    let name = clean(&file.name);
    match (file.kind, &file.target) {
        (TreeKind::Folder, _) => format!("{name}/"),
        (TreeKind::Link, Some(target)) => format!("{name} -> {}", clean(target)),
        (TreeKind::File, _) if file.executable => format!("{name}*"),
        (TreeKind::Hidden, _) => format!("{name} (not shown)"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(name: &str, kind: TreeKind) -> FileView {
        FileView { name: name.into(), kind, size_bytes: 0, modified_ms: 0, executable: false, target: None, blob: None }
    }

    #[test]
    fn what_things_are_is_seen_at_their_names() {
        let link = FileView { target: Some("../b".into()), ..view("a", TreeKind::Link) };
        let run = FileView { executable: true, size_bytes: 2_048, ..view("run", TreeKind::File) };
        let all = [view("scenes", TreeKind::Folder), link, run.clone(), view("pipe", TreeKind::Hidden)];
        let text = listing(&all, 80);
        for word in ["scenes/", "a -> ../b", "run*", "pipe (not shown)", &format_bytes(2_048)] {
            assert!(text.contains(word), "{word} in {text}");
        }
        assert!(file("/mill/run", &run).contains("2048 bytes"));
    }
}
