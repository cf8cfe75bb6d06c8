use super::{
    Draft, DraftError,
    commons::Desk,
    path::{base, parent, stem},
    paths::read_up_to,
};
use crate::{
    files::FileKind,
    openjd::{Folders, Template},
    recipe::Recipe,
};

/// Drafts a template that brings everything itself: a file, or the `template.*` of a bundle's folder.
pub(super) fn draft_openjd(desk: &Desk<'_>, recipe: &Recipe, path: &str) -> Result<Draft, DraftError> {
    if let Some(frames) = &desk.request.frames {
        let _ = frames;
        return Err(DraftError::NoFrames { path: path.to_owned(), recipe: recipe.name.clone() });
    }
    let (file, home) = match desk.look(path)? {
        FileKind::Folder => {
            let names = desk.names(path)?;
            let known = ["template.yaml", "template.yml", "template.json"];
            let name = known.into_iter().find(|known| names.iter().any(|name| name == known));
            let missing = || DraftError::Missing { path: format!("{path}/template.yaml") };
            (format!("{path}/{}", name.ok_or_else(missing)?), path.to_owned())
        }
        _ => (path.to_owned(), parent(path).to_owned()),
    };
    let bytes = read_up_to(desk, &file, Template::MAX_BYTES as u64 + 1)?;
    let template = Template::decode(&String::from_utf8_lossy(&bytes))
        .map_err(|error| DraftError::Job { what: file.clone(), source: error.into() })?;
    let folders = Folders { template: &home, current: &desk.folder, confined: true };
    let filled = desk.fill(&file, &template, &desk.request.parameters, &folders)?;
    let (needs, prefers) = desk.wishes(recipe.needs.clone())?;
    let output = desk.output(&home)?;
    let own_name = if template.name().contains("{{") { stem(base(path)) } else { template.name() };
    Ok(Draft {
        name: desk.job_name(own_name)?,
        recipe: recipe.name.clone(),
        template: filled.template,
        parameters: filled.parameters,
        inputs: filled.inputs.into_iter().collect(),
        output_folders: if filled.output_folders.is_empty() { vec![output] } else { filled.output_folders },
        output_globs: recipe.output_globs.clone(),
        needs,
        prefers,
        steps_at_origin: Vec::new(),
        tool: None,
        frames: None,
        task_count: filled.task_count,
        warnings: Vec::new(),
        missing: Vec::new(),
        blend: None,
        facts: Vec::new(),
    })
}
