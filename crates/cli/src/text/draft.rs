use gridwell_api::{DraftFile, DraftLeftOut, DraftView};
use gridwell_model::format_bytes;

use super::{clean, fields, number_of, table::Table};

/// Most files listed by name; the rest are counted.
const FILES_SHOWN: usize = 12;

/// Most missing files listed by name: they are why somebody looks.
const MISSING_SHOWN: usize = 100;

/// What files would become, one after the other.
pub(crate) fn drafts(drafts: &[DraftView], columns: usize) -> String {
    drafts.iter().map(|it| draft(it, columns)).collect::<Vec<_>>().join("\n")
}

fn draft(draft: &DraftView, columns: usize) -> String {
    let tasks = match &draft.frames {
        Some(frames) => format!("{}: {}", number_of(draft.task_count, &draft.task_word), clean(frames)),
        None => number_of(draft.task_count, &draft.task_word),
    };
    let fit: Vec<_> = draft.machines.iter().filter(|machine| machine.fits).map(|it| clean(&it.name)).collect();
    let fit = if fit.is_empty() { "none fits now".to_owned() } else { fit.join(", ") };
    let mut text = format!("{}\n", clean(&draft.title));
    let facts = draft.facts.iter().map(|(name, value)| (name.as_str(), clean(value)));
    let about = [
        ("Kind", clean(&draft.recipe)),
        ("Makes", tasks),
        ("Steps", steps(draft)),
        ("Needs", draft.needs.iter().map(|need| clean(need)).collect::<Vec<_>>().join(", ")),
        ("Machines", fit),
        ("Reads", format!("{}, {}", number_of(draft.file_count, "file"), format_bytes(draft.file_bytes))),
        ("Left out", left_out(draft)),
        ("Results", clean(&draft.output)),
    ];
    text.push_str(&fields(&about.into_iter().chain(facts).collect::<Vec<_>>()));
    text.push_str(&scenes(draft, columns));
    text.push_str(&files("Files", &draft.files, FILES_SHOWN));
    text.push_str(&files("Packed in the scene", &draft.packed, FILES_SHOWN));
    text.push_str(&files("Missing", &draft.missing, MISSING_SHOWN));
    text.push_str(&parameters(draft, columns));
    for machine in draft.machines.iter().filter(|machine| !machine.fits) {
        let reasons: Vec<_> = machine.reasons.iter().map(|reason| clean(reason)).collect();
        text.push_str(&format!("{} does not fit: {}\n", clean(&machine.name), reasons.join("; ")));
    }
    for warning in &draft.warnings {
        text.push_str(&format!("Note: {}\n", clean(warning)));
    }
    text
}

/// What of a dropped folder is not read; empty where that is nothing.
fn left_out(draft: &DraftView) -> String {
    let DraftLeftOut { files, folders } = draft.left_out;
    let parts = [(files, "other file"), (folders, "folder")].into_iter().filter(|(count, _)| *count > 0);
    parts.map(|(count, word)| number_of(count, word)).collect::<Vec<_>>().join(", ")
}

fn steps(draft: &DraftView) -> String {
    if draft.steps.len() < 2 {
        return String::new();
    }
    draft.steps.iter().map(|(name, count)| format!("{} ({count})", clean(name))).collect::<Vec<_>>().join(" → ")
}

fn scenes(draft: &DraftView, columns: usize) -> String {
    if draft.scenes.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["SCENE", "FRAMES", "SIZE", "ENGINE"]);
    for scene in &draft.scenes {
        let mark = if scene.active { " ←" } else { "" };
        let step = if scene.frames.step > 1 { format!(":{}", scene.frames.step) } else { String::new() };
        table.row([
            format!("{}{mark}", scene.name),
            format!("{}-{}{step}", scene.frames.first, scene.frames.last),
            scene.size.map(|(width, height)| format!("{width}×{height}")).unwrap_or_default(),
            scene.engine.clone(),
        ]);
    }
    format!("\n{}", table.render(columns))
}

/// Files by what they are for.
fn files(title: &str, files: &[DraftFile], shown: usize) -> String {
    if files.is_empty() {
        return String::new();
    }
    let mut sorted: Vec<_> = files.iter().collect();
    sorted.sort_by_key(|file| &file.purpose);
    let width = files.iter().map(|file| file.purpose.len()).max().unwrap_or_default();
    let mut text = format!("\n{title}:\n");
    for file in sorted.iter().take(shown) {
        let size = if file.size_bytes > 0 { format!(" ({})", format_bytes(file.size_bytes)) } else { String::new() };
        text.push_str(&format!("  {:width$}  {}{size}\n", file.purpose, clean(&file.path)));
        if let Some(closest) = &file.closest {
            text.push_str(&format!("  {:width$}  is there as {}\n", "", clean(closest)));
        }
    }
    if files.len() > shown {
        text.push_str(&format!("  and {} more\n", files.len() - shown));
    }
    text
}

fn parameters(draft: &DraftView, columns: usize) -> String {
    if draft.parameters.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["PARAMETER", "KIND", "VALUE", "WHAT"]);
    for parameter in &draft.parameters {
        let value = parameter.value.clone().unwrap_or_else(|| "(must be given)".to_owned());
        let what = match parameter.choices.as_slice() {
            [] => parameter.description.clone(),
            choices => format!("{} [{}]", parameter.description, choices.join(", ")),
        };
        table.row([parameter.name.clone(), parameter.kind.clone(), value, what]);
    }
    format!("\n{}", table.render(columns))
}

#[cfg(test)]
mod tests {
    use gridwell_api::{DraftMachine, FrameRange, ParameterView, SceneView};

    use super::*;

    #[test]
    fn a_draft_names_frames_missing_files_and_machines_that_do_not_fit() {
        let view = DraftView {
            title: "Render kitchen.blend".into(),
            recipe: "blender".into(),
            frames: Some("1-24".into()),
            task_count: 24,
            task_word: "frame".into(),
            output: "/home/ana/kitchen".into(),
            left_out: DraftLeftOut { files: 3, folders: 1 },
            scenes: vec![SceneView {
                name: "Main".into(),
                frames: FrameRange { first: 1, last: 24, step: 1 },
                size: Some((1920, 1080)),
                engine: "CYCLES".into(),
                active: true,
            }],
            missing: vec![
                DraftFile {
                    path: "/tex/wood_04.png".into(),
                    size_bytes: 0,
                    purpose: "image".into(),
                    closest: Some("/old/wood_04.png".into()),
                },
                DraftFile { path: "/a.vdb".into(), size_bytes: 0, purpose: "volume".into(), closest: None },
                DraftFile { path: "/b.png".into(), size_bytes: 0, purpose: "image".into(), closest: None },
            ],
            packed: vec![DraftFile { path: "/c.ttf".into(), size_bytes: 0, purpose: "font".into(), closest: None }],
            parameters: vec![ParameterView {
                name: "Samples".into(),
                kind: "INT".into(),
                value: None,
                description: String::new(),
                choices: Vec::new(),
            }],
            machines: vec![
                DraftMachine { name: "mill".into(), fits: true, reasons: Vec::new() },
                DraftMachine { name: "nas".into(), fits: false, reasons: vec!["needs worker.tool blender".into()] },
            ],
            ..DraftView::default()
        };
        let text = console::strip_ansi_codes(&drafts(&[view], 80)).into_owned();
        for part in [
            "Render kitchen.blend\n",
            "24 frames: 1-24",
            "Main ←",
            "1920×1080",
            "Packed in the scene:\n  font  /c.ttf\n",
            "Missing:\n  image   /tex/wood_04.png\n          is there as /old/wood_04.png\n  image   /b.png\n  volume  /a.vdb\n",
            "(must be given)",
            "3 other files, 1 folder",
            "nas does not fit: needs worker.tool blender",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
    }
}
