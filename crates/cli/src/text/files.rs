use gridwell_api::{
    CopiesView, FileFreed, FilePlaceView, FileVerified, FileView, FilesPage, MountView, ShareView, TreeKind,
};
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
    let copied = shares.iter().filter_map(|share| Some(copies(&share.at, share.copies.as_ref()?)));
    table.render(columns) + &copied.collect::<String>()
}

/// How many copies of a share there are, and where.
fn copies(at: &str, copies: &CopiesView) -> String {
    let CopiesView { wanted, whole, on_the_way, places, note, .. } = copies;
    let names: Vec<_> = places.iter().map(|place| place.name.as_str()).collect();
    let places = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let coming = if *on_the_way > 0 { format!("; {on_the_way} on the way") } else { String::new() };
    let note = if note.is_empty() { String::new() } else { format!("; {note}") };
    format!("{at}: {wanted} copies, {whole} whole{places}{coming}{note}\n")
}

/// Where the tree is shown as a folder.
pub(crate) fn mounted(view: &MountView) -> String {
    match &view.dir {
        None => "What machines share is shown in no folder.\n".into(),
        Some(dir) if view.strict => format!("What machines share is in {dir}; exactly what is read moves.\n"),
        Some(dir) => format!("What machines share is in {dir}\n"),
    }
}

/// Names in a folder: size, when it changed, what of it is here, name.
pub(crate) fn listing(page: &FilesPage, columns: usize) -> String {
    let mut table = Table::new(&[">SIZE", "CHANGED", "HERE", "NAME"]);
    for file in &page.files {
        table.row([size(file), changed(file), here(file), named(file)]);
    }
    let names = if page.files.is_empty() { "Nothing is in it.\n".into() } else { table.render(columns) };
    let away = if page.online { "" } else { "Its machine is offline: this is what is known here.\n" };
    names + away
}

/// What went to make room, and why the rest stayed.
pub(crate) fn freed(freed: &FileFreed) -> String {
    let mut lines = vec![match freed.files {
        0 => "Nothing went.".to_owned(),
        files => format!("{} of {} went.", format_bytes(freed.bytes), files_in_words(files)),
    }];
    if freed.kept > 0 {
        lines.push(format!("{} stayed: kept here, or in use.", files_in_words(freed.kept)));
    }
    if freed.last > 0 {
        let files = files_in_words(freed.last);
        lines.push(format!("{files} stayed: no machine answers that has this version, so it may be the last copy."));
    }
    lines.join("\n") + "\n"
}

/// Machines that have something, and how much of it.
pub(crate) fn places(places: &[FilePlaceView], columns: usize) -> String {
    let mut table = Table::new(&["MACHINE", ">HAS", "OF"]);
    for place in places {
        let note = match place {
            FilePlaceView { online: false, .. } => " (offline)",
            FilePlaceView { owner: true, .. } => " (owner)",
            FilePlaceView { kept: true, .. } => " (kept)",
            _ => "",
        };
        let name = format!("{}{note}", clean(&place.name));
        table.row([name, format_bytes(place.here_bytes), format_bytes(place.size_bytes)]);
    }
    table.render(columns)
}

/// What a check found.
pub(crate) fn verified(verified: &FileVerified) -> String {
    let all = format!("{} in {} checked", format_bytes(verified.bytes), files_in_words(verified.files));
    if verified.wrong_bytes == 0 {
        return format!("{all}: all is well.\n");
    }
    let mut lines =
        vec![format!("{all}: {} were wrong, and went. They come anew from:", format_bytes(verified.wrong_bytes))];
    lines.extend(verified.wrong.iter().map(|path| clean(path)));
    lines.join("\n") + "\n"
}

fn files_in_words(count: u64) -> String {
    if count == 1 { "1 file".into() } else { format!("{count} files") }
}

/// What of a file is here.
fn here(file: &FileView) -> String {
    match (file.kind, file.here_bytes) {
        _ if file.kept => "kept".into(),
        (_, None | Some(0)) => String::new(),
        (TreeKind::File, Some(bytes)) if bytes == file.size_bytes => "all".into(),
        (TreeKind::File, Some(bytes)) => format!("{} %", u128::from(bytes) * 100 / u128::from(file.size_bytes.max(1))),
        (_, Some(bytes)) => format_bytes(bytes),
    }
}

/// What was copied into a share, and where.
pub(crate) fn put(to: &str, file: &FileView) -> String {
    format!("{} ({}) is copied to {}\n", clean(&file.name), format_bytes(file.size_bytes), clean(to))
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
    if let Some(bytes) = file.here_bytes.filter(|bytes| *bytes > 0 || file.kept) {
        let kept = if file.kept { ", and kept here" } else { "" };
        lines.push(format!("{} of it are here{kept}", format_bytes(bytes)));
    }
    if file.outdated {
        lines.push("another version of it lies here than its machine has now".into());
    }
    if !file.online {
        lines.push("its machine is offline: this is what is known here".into());
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
        FileView {
            name: name.into(),
            kind,
            size_bytes: 0,
            modified_ms: 0,
            executable: false,
            target: None,
            blob: None,
            online: true,
            here_bytes: None,
            known_bytes: None,
            outdated: false,
            kept: false,
            fetching: false,
        }
    }

    #[test]
    fn what_things_are_is_seen_at_their_names() {
        let link = FileView { target: Some("../b".into()), ..view("a", TreeKind::Link) };
        let run = FileView { executable: true, size_bytes: 2_048, ..view("run", TreeKind::File) };
        let all = [view("scenes", TreeKind::Folder), link, run.clone(), view("pipe", TreeKind::Hidden)];
        let page = FilesPage { path: "/".into(), files: all.to_vec(), more: false, online: false };
        let text = listing(&page, 80);
        for word in ["scenes/", "a -> ../b", "run*", "pipe (not shown)", "is offline", &format_bytes(2_048)] {
            assert!(text.contains(word), "{word} in {text}");
        }
        assert!(file("/mill/run", &run).contains("2048 bytes"));
    }
}
