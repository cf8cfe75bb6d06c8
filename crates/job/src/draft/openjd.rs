use gridwell_model::StepSpec;

use super::{
    Draft, DraftError, LeftOut,
    commons::{Desk, Filled},
    path::{self, parent, stem},
    paths::read_up_to,
};
use crate::{
    bundle::{Bundle, BundleFiles},
    files::FileKind,
    openjd::{DataFlow, Folders, Parameter, ParameterKind, Template},
    recipe::Recipe,
};

/// Drafts a template that brings everything itself: a file, or a bundle's folder with all that lies in it.
pub(super) fn draft_openjd(desk: &Desk<'_>, recipe: &Recipe, path: &str) -> Result<Draft, DraftError> {
    if desk.request.frames.is_some() {
        return Err(DraftError::NoFrames { path: path.to_owned(), recipe: recipe.name.clone() });
    }
    match desk.look(path)? {
        FileKind::Folder => draft_bundle(desk, recipe, path),
        _ => draft_template(desk, recipe, path),
    }
}

fn draft_template(desk: &Desk<'_>, recipe: &Recipe, path: &str) -> Result<Draft, DraftError> {
    let text = text_of(desk, path)?;
    let template =
        Template::decode(&text).map_err(|error| DraftError::Job { what: path.to_owned(), source: error.into() })?;
    let folders = Folders { template: parent(path), current: &desk.folder, confined: true };
    let filled = desk.fill(path, &template, &desk.request.parameters, &folders)?;
    finish(desk, recipe, path, &template, filled, parent(path))
}

fn draft_bundle(desk: &Desk<'_>, recipe: &Recipe, path: &str) -> Result<Draft, DraftError> {
    let names = desk.names(path)?;
    let read = |known: &[&str]| {
        let name = known.iter().find(|known| names.iter().any(|name| name == *known));
        name.map(|name| text_of(desk, &format!("{path}/{name}"))).transpose()
    };
    let template = read(&Bundle::TEMPLATE_NAMES)?
        .ok_or_else(|| DraftError::Missing { path: format!("{path}/{}", Bundle::TEMPLATE_NAMES[0]) })?;
    let (values, assets) = (read(&Bundle::VALUES_NAMES)?, read(&Bundle::ASSETS_NAMES)?);
    let sidecar = read(&[Bundle::SIDECAR_NAME])?;
    let files = BundleFiles {
        template: &template,
        parameter_values: values.as_deref(),
        asset_references: assets.as_deref(),
        sidecar: sidecar.as_deref(),
    };
    let refuse = |source| DraftError::Bundle { path: path.to_owned(), source };
    let bundle = Bundle::read(&files).map_err(refuse)?;
    // Values that came with the bundle are relative to it, typed ones to where they were typed.
    let typed = absolute_paths(desk, &bundle.template);
    let folders = Folders { template: path, current: path, confined: true };
    let mut filled = desk.fill(path, &bundle.template, &bundle.values_with(&typed), &folders)?;
    let below = |one: &String| path::absolute(std::path::Path::new(one), path);
    for one in bundle.assets.input_files.iter().chain(&bundle.assets.input_folders) {
        filled.inputs.extend(desk.files_of(&below(one)?)?);
    }
    for one in &bundle.assets.output_folders {
        let folder = below(one)?;
        if !filled.output_folders.contains(&folder) {
            filled.output_folders.push(folder);
        }
    }
    let landing = bundle.sidecar.landing.as_ref().map_or_else(|| Ok(path.to_owned()), below)?;
    let steps = bundle.steps(&filled.plan).map_err(refuse)?;
    let steps_at_origin = at_origin(&steps, &filled.output_folders);
    let mut draft = finish(desk, recipe, path, &bundle.template, filled, &landing)?;
    draft.steps = steps;
    draft.warnings = at_origin_note(&steps_at_origin).into_iter().collect();
    draft.steps_at_origin = steps_at_origin;
    draft.priority = bundle.sidecar.priority;
    draft.retry = bundle.sidecar.retry;
    let owes = bundle.sidecar.session;
    draft.session.continues |= owes.continues;
    draft.session.heartbeat_secs = owes.heartbeat_secs.or(draft.session.heartbeat_secs);
    draft.output_globs.extend(bundle.sidecar.outputs.iter().cloned());
    if draft.output_folders.is_empty() && !draft.output_globs.is_empty() {
        draft.output_folders.push(desk.output(&landing)?);
    }
    draft.warnings.extend(bundle.report.ignored.iter().map(|line| format!("ignored: {line}")));
    draft.warnings.extend(bundle.report.lost.iter().map(|line| format!("cannot be expressed: {line}")));
    Ok(draft)
}

/// What a person typed, with relative values of PATH parameters made absolute.
fn absolute_paths(desk: &Desk<'_>, template: &Template) -> Vec<(String, String)> {
    let parameters = template.parameters();
    let is_path = |name: &String| parameters.iter().any(|one| one.name == *name && one.kind == ParameterKind::Path);
    let typed = desk.request.parameters.iter().map(|(name, value)| {
        let absolute = is_path(name) && !value.is_empty() && !value.starts_with('/') && !value.contains("://");
        (name.clone(), if absolute { path::normal(&format!("{}/{value}", desk.folder)) } else { value.clone() })
    });
    typed.collect()
}

fn finish(
    desk: &Desk<'_>,
    recipe: &Recipe,
    path: &str,
    template: &Template,
    mut filled: Filled,
    landing: &str,
) -> Result<Draft, DraftError> {
    let (needs, prefers) = desk.wishes(recipe.needs.clone())?;
    let landing = desk.output(landing)?;
    let own_name = if template.name().contains("{{") { stem(path).to_owned() } else { template.name().to_owned() };
    // Programs of a template that names no path they may write to, and no patterns, have no way to leave results.
    let may_write =
        |one: &Parameter| matches!(one.kind, ParameterKind::Path | ParameterKind::ListPath) && one.flow != DataFlow::In;
    let lands = !recipe.output_globs.is_empty() || template.parameters().iter().any(may_write);
    let steps_at_origin = at_origin(filled.plan.steps(), &filled.output_folders);
    if lands && filled.output_folders.is_empty() {
        filled.output_folders.push(landing);
    }
    Ok(Draft {
        name: desk.job_name(&own_name)?,
        recipe: recipe.name.clone(),
        task_count: filled.task_count(),
        steps: filled.plan.steps().to_vec(),
        priority: None,
        retry: None,
        session: recipe.session,
        same_look: recipe.same_look,
        template: filled.template,
        parameters: filled.parameters,
        inputs: filled.inputs.into_iter().collect(),
        output_folders: filled.output_folders,
        output_globs: recipe.output_globs.clone(),
        needs,
        prefers,
        warnings: at_origin_note(&steps_at_origin).into_iter().collect(),
        steps_at_origin,
        tool: None,
        frames: None,
        left_out: LeftOut::default(),
        refers: Vec::new(),
        blend: None,
        facts: Vec::new(),
    })
}

/// Steps that may read what earlier ones left in the template's output folders: they run where it lands.
fn at_origin(steps: &[StepSpec], output_folders: &[String]) -> Vec<String> {
    let later = steps.iter().filter(|step| !step.after.is_empty() && !output_folders.is_empty());
    later.map(|step| step.name.clone()).collect()
}

fn at_origin_note(steps: &[String]) -> Option<String> {
    let names: Vec<_> = steps.iter().map(|name| format!("'{name}'")).collect();
    let verb = if names.len() == 1 { "runs" } else { "run" };
    (!names.is_empty())
        .then(|| format!("{} {verb} on this machine, where the results of earlier steps land", names.join(", ")))
}

/// A file's text, cut one byte above what a template may have, so that its reader names the limit.
fn text_of(desk: &Desk<'_>, path: &str) -> Result<String, DraftError> {
    let bytes = read_up_to(desk, path, Bundle::MAX_FILE_BYTES as u64 + 1)?;
    String::from_utf8(bytes).or_else(|error| {
        // Cut inside a character: still over the limit, and said so by the reader.
        let over = error.as_bytes().len() > Bundle::MAX_FILE_BYTES;
        let not_text = || DraftError::Unreadable { path: path.to_owned(), reason: "it is not UTF-8 text".to_owned() };
        if over { Ok(String::from_utf8_lossy(error.as_bytes()).into_owned()) } else { Err(not_text()) }
    })
}
